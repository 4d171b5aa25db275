import { SignatureV4 } from "@smithy/signature-v4";
import { sdkCredentials } from "../credentials.ts";
import { Sha256 } from "../sha256.ts";
import type { Credentials } from "../sign.ts";

/** A call before it is signed. */
export interface Unsigned {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The headers with which a call is sent: its own, and those that say who calls. */
export type Sign = (call: Unsigned) => Promise<Readonly<Record<string, string>>>;

/** The region in the name of an API of API Gateway; undefined for any other host. */
export const regionIn = ({ hostname }: URL): string | undefined =>
  /^[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(hostname)?.[1];

/** Sends a bearer token along. */
export const withToken =
  (token: string): Sign =>
  async ({ headers }) => ({ ...headers, authorization: `Bearer ${token}` });

export const unsigned: Sign = async ({ headers }) => headers;

/**
 * Signs with AWS credentials: by default those that the AWS command line would use here. They are asked for at each call, since those of a
 * role or of SSO run out. Throws what the provider of credentials throws.
 */
export function withAws(region: string, credentials: () => Promise<Credentials> = sdkCredentials): Sign {
  const signer = new SignatureV4({ service: "execute-api", region, credentials, sha256: Sha256 });
  return async ({ method, url, headers, body }) => {
    const { headers: signed } = await signer.sign({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port === "" ? {} : { port: Number(url.port) }),
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: { ...headers, host: url.host },
      body,
    });
    const { host: _, ...sent } = signed;
    return sent;
  };
}
