import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** What becomes of a request of a browser. */
export type Ruling =
  | { readonly kind: "admitted" }
  /** The key of the address was right: the browser gets a cookie, and is sent to the address without the key. */
  | { readonly kind: "key"; readonly cookie: string; readonly to: string }
  | { readonly kind: "refused"; readonly why: string };

/** The parameter of the address that holds the key. */
const KEY = "key";

const secret = (): string => randomBytes(24).toString("base64url");

/**
 * Lets in one browser of this machine: the one that was first to bring the key. Anything that the browser is let in for is done with its
 * caller's rights, so a request has to name this server by its own address (no other name may resolve to it), has to come from this server's
 * own page, and has to bring the cookie that the key was exchanged for.
 */
export class Guard {
  readonly #host: string;
  readonly #session = secret();
  #key: string | undefined = secret();

  /** `host`: 127.0.0.1 with the port of the server. */
  constructor(host: string) {
    // As browsers write it: without port 80.
    this.#host = new URL(`http://${host}`).host;
  }

  /** Where the browser is let in, once. */
  addressOf(path: string): string {
    return `http://${this.#host}${path}${path.includes("?") ? "&" : "?"}${KEY}=${this.#key ?? ""}`;
  }

  rule(target: string, headers: IncomingHttpHeaders): Ruling {
    if (headers.host !== this.#host) return refused(`This server is http://${this.#host}, and nothing else.`);
    if (headers.origin !== undefined && headers.origin !== `http://${this.#host}`)
      return refused("Pages of another origin may not call this server.");
    const site = headers["sec-fetch-site"];
    if (site !== undefined && site !== "same-origin" && site !== "none")
      return refused("Pages of another site may not call this server. Type the address, or open the printed one.");
    const url = URL.parse(target, `http://${this.#host}`);
    const key = url?.searchParams.get(KEY);
    if (url !== null && key !== null && key !== undefined) return this.#exchange(url, key);
    return this.#hasCookie(headers.cookie ?? "")
      ? { kind: "admitted" }
      : refused("Open the address that 'submitqueue ui' has printed. It is good for one browser, once.");
  }

  #exchange(url: URL, key: string): Ruling {
    if (this.#key === undefined || !isSame(key, this.#key))
      return refused("This address was used already. Start 'submitqueue ui' again for another one.");
    this.#key = undefined;
    url.searchParams.delete(KEY);
    return {
      kind: "key",
      cookie: `${this.#cookieName}=${this.#session}; Path=/; HttpOnly; SameSite=Strict`,
      to: `${url.pathname}${url.search}`,
    };
  }

  #hasCookie(header: string): boolean {
    const cookies = header.split(/; */).map((pair) => pair.split("=", 2));
    return cookies.some(([name, value = ""]) => name === this.#cookieName && isSame(value, this.#session));
  }

  /** Cookies know no ports: two of these servers must not take each other's. */
  get #cookieName(): string {
    return `submitqueue-${this.#host.slice(this.#host.lastIndexOf(":") + 1)}`;
  }
}

const refused = (why: string): Ruling => ({ kind: "refused", why });

function isSame(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}
