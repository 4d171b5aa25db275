import { type BinaryLike, createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import type { Env } from "../../adapters/settings.ts";

/** SHA-256 as the signer wants it: with a key, an HMAC. */
class Sha256 {
  readonly #hash;
  constructor(key?: BinaryLike) {
    this.#hash = key === undefined ? createHash("sha256") : createHmac("sha256", key);
  }
  update(data: BinaryLike): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

/** Fetch that signs each call for API Gateway with the credentials that Lambda gives to the function. */
export function signedFetch(env: Env): typeof fetch {
  const signer = new SignatureV4({
    service: "execute-api",
    region: env["AWS_REGION"] ?? "",
    credentials: async () => ({
      accessKeyId: env["AWS_ACCESS_KEY_ID"] ?? "",
      secretAccessKey: env["AWS_SECRET_ACCESS_KEY"] ?? "",
      ...(env["AWS_SESSION_TOKEN"] === undefined ? {} : { sessionToken: env["AWS_SESSION_TOKEN"] }),
    }),
    sha256: Sha256 as never,
  });
  return async (input, init) => {
    const request = new Request(input, init);
    const { protocol, hostname, pathname, searchParams } = new URL(request.url);
    const body = request.body === null ? undefined : await request.text();
    const { headers } = await signer.sign({
      method: request.method,
      protocol,
      hostname,
      path: pathname,
      query: Object.fromEntries(searchParams),
      headers: { ...Object.fromEntries(request.headers), host: hostname },
      ...(body === undefined ? {} : { body }),
    });
    return fetch(request.url, {
      method: request.method,
      headers,
      signal: request.signal,
      redirect: request.redirect,
      ...(body === undefined ? {} : { body }),
    });
  };
}
