import type { IncomingHttpHeaders } from "node:http";

/** Why a request is not from a program of this machine, or from a page of this server. */
export interface Foreign {
  readonly header: "host" | "origin" | "sec-fetch-site";
  /** A sentence for the caller: what was sent, and what is taken. */
  readonly why: string;
}

/** The names of loopback, in any case, with a port or without, and with the dot of a fully qualified name. */
const LOOPBACK = /^(?:(?:localhost|127\.0\.0\.1)\.?|\[::1\])(?::[0-9]{1,5})?$/i;

/**
 * Tells a request that a web page of another site may have sent. Undefined when the request comes from a program, or from a page of this
 * very server.
 *
 * - Host: a page can have its own name resolve to 127.0.0.1 (DNS rebinding) and then counts as same-origin. The name stays in Host.
 * - Origin: a browser names the page's origin with every POST, and with every read that a page wants to see the answer of. `null` is
 *   the origin of a sandboxed frame or a file.
 * - Sec-Fetch-Site: a browser also says so of requests without Origin, such as those for images, scripts and links.
 *
 * A page on another port of loopback is another site too: anything may be listening there.
 */
export function foreignIn(headers: IncomingHttpHeaders): Foreign | undefined {
  const { host, origin } = headers;
  if (host === undefined || !LOOPBACK.test(host))
    return {
      header: "host",
      why: `Call this server by a name of this machine: localhost, 127.0.0.1 or [::1], not ${host ?? "without a Host header"}.`,
    };
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`)
    return {
      header: "origin",
      why: `Pages of another origin may not call this server, and ${origin || "an empty Origin"} is not http://${host}. A program sends no Origin header.`,
    };
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none")
    return {
      header: "sec-fetch-site",
      why: `A browser sent this for a page of another origin (Sec-Fetch-Site: ${String(site)}). Type the address into the browser, or use a program such as curl.`,
    };
  return undefined;
}
