import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { SignatureV4 } from "@smithy/signature-v4";
import { Sha256 } from "../../client/sha256.ts";
import { AwsError } from "./aws-error.ts";

export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A request as its signature covers it. `path` is without its query. */
export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly query?: Readonly<Record<string, string | string[]>>;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/\d{8}\/([\w-]+)\/([\w-]+)\/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=([0-9a-f]{64})$/;

/** What the signature of a call to AWS' JSON protocols has to cover: the call, its time, and the address that it was sent to. */
const MUST_BE_SIGNED: readonly string[] = ["host", "x-amz-date", "x-amz-target"];

/** As AWS: a signature of another time is refused. */
const CLOCK_SKEW_MS = 15 * 60_000;

/**
 * Checks a request's Signature Version 4 by signing the request anew with the key. Throws AwsError unless the request was signed with the
 * key, as it is, at most 15 minutes ago.
 */
export async function verifySignature(
  request: SignedRequest,
  key: AccessKey,
  nowMs: number,
  mustCover = MUST_BE_SIGNED,
): Promise<void> {
  const { method, path, headers, body, query = {} } = request;
  if (headers.authorization === undefined)
    throw new AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403);
  const [, keyId = "", region = "", service = "", list = "", given = ""] =
    AUTHORIZATION.exec(headers.authorization) ?? [];
  if (keyId !== key.accessKeyId)
    throw new AwsError("UnrecognizedClientException", "The security token included in the request is invalid.", 403);
  const names = list.split(";");
  const signingDate = dateIn(headers["x-amz-date"]);
  if (signingDate === undefined || Math.abs(nowMs - signingDate.getTime()) > CLOCK_SKEW_MS)
    throw mismatch("The request was signed more than 15 minutes ago, or its X-Amz-Date is no date.");
  const uncovered = mustCover.filter((name) => !names.includes(name));
  if (uncovered.length > 0) throw mismatch(`The signature has to cover ${uncovered.join(", ")}.`);
  const payload = headers["x-amz-content-sha256"];
  if (payload !== undefined && payload !== createHash("sha256").update(body).digest("hex"))
    throw mismatch("The X-Amz-Content-Sha256 of the request is not that of its body.");

  const signer = new SignatureV4({ credentials: key, region, service, sha256: Sha256, applyChecksum: false });
  const signed = Object.fromEntries(names.map((name) => [name, String(headers[name] ?? "")]));
  const again = await signer.sign(
    { method, protocol: "http:", hostname: "127.0.0.1", path, query: { ...query }, headers: signed, body },
    { signingDate, signableHeaders: new Set(names) },
  );
  const expected = /Signature=([0-9a-f]{64})$/.exec(again.headers["authorization"] ?? "")?.[1] ?? "";
  if (expected.length !== given.length || !timingSafeEqual(Buffer.from(expected), Buffer.from(given)))
    throw mismatch("The request signature does not match the key in the file that the runtime names at its start.");
}

const mismatch = (message: string): AwsError => new AwsError("InvalidSignatureException", message, 403);

/** `20261125T201500Z`. */
function dateIn(text: string | string[] | undefined): Date | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(text));
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
