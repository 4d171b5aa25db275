import { lookup as lookUp } from "node:dns";
import { type IncomingMessage, request as overHttp } from "node:http";
import { request as overHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { CodedError } from "../../../contracts/errors.ts";
import { mayCall, type Reach } from "./addresses.ts";

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 65_536;

export interface Outgoing {
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  /** In how many seconds to call again, where the answer says so. */
  readonly retryAfterSeconds?: number;
  /** The time on the CI system's clock, in epoch milliseconds, where the answer says it: right to a second. */
  readonly date?: number;
}

/** Calls a CI system. Throws runner.unavailable when it does not answer, config.invalid when its address may not be called. */
export type Call = (outgoing: Outgoing) => Promise<Answer>;

/**
 * Calls an address of the configuration, which a reader of queues.yaml trusts, but not the names on the way to it: only over TLS (on this
 * machine also without, where that may be called), only addresses that may be called, judged as the connection is made and not before, no
 * redirect followed, within ten seconds, an answer of 64 KB at most.
 */
export const guardedCall =
  (reach: Reach, timeoutMs = TIMEOUT_MS): Call =>
  async (outgoing) => {
    const { url } = outgoing;
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const plain = url.protocol === "http:" && reach.loopback;
    if (url.protocol !== "https:" && !plain) throw refused(url, "only https is called");
    const allowed: Reach = plain ? { loopback: true, private: false } : reach;
    // A name is judged when it is looked up. An address is not looked up.
    if (isIP(host) !== 0 && !mayCall(host, allowed)) throw refused(url, `${host} is no public address`);
    try {
      return await send(outgoing, plain ? overHttp : overHttps, guardedLookup(allowed, plain), timeoutMs);
    } catch (cause) {
      if (cause instanceof CodedError) throw cause;
      const said = cause instanceof Error ? cause.message : String(cause);
      throw new CodedError("runner.unavailable", `${outgoing.method} ${url.origin}${url.pathname}: ${said}`, { cause });
    }
  };

const refused = (url: URL, why: string): CodedError =>
  new CodedError(
    "config.invalid",
    `${url.origin} is not called: ${why}. For a CI system in a private network name its host in privateHosts.`,
  );

/** Fails for a name that has any address that may not be called. `plain`: without TLS, loopback only. */
const guardedLookup =
  (reach: Reach, plain: boolean): LookupFunction =>
  (hostname, options, callback) => {
    lookUp(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const bad = addresses.find(({ address }) => !mayCall(address, reach) || (plain && mayCall(address, PUBLIC)));
      if (bad !== undefined)
        return callback(
          refused(new URL(`https://${hostname}`), `${hostname} is ${bad.address}, no public address`),
          [],
        );
      if (options.all) return callback(null, addresses);
      const [first] = addresses;
      return callback(null, first?.address ?? "", first?.family);
    });
  };

const PUBLIC: Reach = { loopback: false, private: false };

async function send(
  { method, url, headers, body = "" }: Outgoing,
  open: typeof overHttps,
  lookup: LookupFunction,
  timeoutMs: number,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const signal = AbortSignal.timeout(timeoutMs);
  const length = { "content-length": String(Buffer.byteLength(body)) };
  const request = open(url, { method, lookup, signal, headers: { ...headers, ...length } }, resolve);
  request.once("error", (error) =>
    reject(signal.aborted ? new Error(`no answer within ${timeoutMs / 1_000} seconds`) : error),
  );
  request.end(body);
  const response = await promise;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error("an answer of more than 64 KB");
    chunks.push(chunk);
  }
  const answered = Buffer.concat(chunks).toString("utf8");
  const { "retry-after": retryAfter = "", date: said = "" } = response.headers;
  const later = /^\d{1,6}$/.test(retryAfter) ? { retryAfterSeconds: Number(retryAfter) } : {};
  const date = Date.parse(said);
  return { status: response.statusCode ?? 0, body: answered, ...later, ...(Number.isNaN(date) ? {} : { date }) };
}
