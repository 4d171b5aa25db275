import { type Signing, signerFor } from "../sign.ts";

/** A call before it is signed. */
interface Unsigned {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** The headers with which a call is sent: its own, and those that say who calls. */
export type Sign = (call: Unsigned) => Promise<Readonly<Record<string, string>>>;

/** Sends a bearer token along. */
export const withToken =
  (token: string): Sign =>
  async ({ headers }) => ({ ...headers, authorization: `Bearer ${token}` });

export const unsigned: Sign = async ({ headers }) => headers;

/** Signs with AWS credentials. Throws what the provider of credentials throws, and when no region is known. */
export function withAws(signing: Signing): Sign {
  const sign = signerFor(signing);
  return async ({ method, url, headers, body }) => {
    const call = new Request(url, { method, headers, ...(body.length === 0 ? {} : { body }) });
    return Object.fromEntries((await sign(call)).headers);
  };
}
