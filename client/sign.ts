import { SignatureV4 } from "@smithy/signature-v4";
import { Sha256 } from "./sha256.ts";

/** Credentials as the AWS SDK's providers give them. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** How calls are signed: with whose credentials, and for which region. */
export interface Signing {
  /** A provider is asked before each call: `sdkCredentials` (credentials.ts) is the SDK's chain. */
  readonly credentials: Credentials | (() => Promise<Credentials>);
  /** Default: the region in an API Gateway address (`….execute-api.eu-west-1.amazonaws.com`), else AWS_REGION. */
  readonly region?: string | undefined;
}

/** Adds a Signature Version 4 for API Gateway (service `execute-api`) to a request. Throws when there are no credentials or no region. */
export function signerFor({ credentials, region }: Signing): (request: Request) => Promise<Request> {
  return async (request) => {
    const url = new URL(request.url);
    const body = request.body === null ? undefined : new Uint8Array(await request.clone().arrayBuffer());
    const signer = new SignatureV4({
      service: "execute-api",
      region: region ?? regionOf(url),
      credentials: typeof credentials === "function" ? await credentials() : credentials,
      sha256: Sha256,
    });
    const { headers } = await signer.sign({
      method: request.method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: queryOf(url),
      headers: { ...Object.fromEntries(request.headers), host: url.host },
      ...(body === undefined ? {} : { body }),
    });
    const { host: _, ...sent } = headers;
    return new Request(request, { headers: sent });
  };
}

/** A fetch that signs each call, and each repeat of a call anew: a signature has a time. */
export function signedFetch(signing: Signing): typeof fetch {
  const sign = signerFor(signing);
  return async (input, init) => fetch(await sign(new Request(input, init)));
}

/** The region in the name of an API of API Gateway; undefined for any other host. */
export const regionIn = ({ hostname }: URL): string | undefined =>
  /^[a-z0-9-]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(hostname)?.[1];

function regionOf(url: URL): string {
  const region = regionIn(url) || process.env["AWS_REGION"] || process.env["AWS_DEFAULT_REGION"];
  if (!region) throw new Error("A signed call needs a region: set AWS_REGION.");
  return region;
}

function queryOf({ searchParams }: URL): Record<string, string | string[]> {
  const names = new Set(searchParams.keys());
  return Object.fromEntries(
    [...names].map((name) => {
      const values = searchParams.getAll(name);
      return [name, values.length === 1 ? (values[0] ?? "") : values];
    }),
  );
}
