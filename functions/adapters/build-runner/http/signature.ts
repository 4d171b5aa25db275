import { createHmac, timingSafeEqual } from "node:crypto";
import { CodedError } from "../../../contracts/errors.ts";
import type { EpochMs } from "../../../contracts/time.ts";

/** How far the clocks of the two sides may be apart. */
const TOLERANCE_MS = 300_000;

type WebhookHeaders = Readonly<Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>>;

/** Signs and verifies by Standard Webhooks (standardwebhooks.com): HMAC-SHA256 over `<id>.<timestamp>.<body>`. */
export interface Signer {
  /** One signature per secret. A receiver that knows one of the secrets takes the message. */
  sign(id: string, body: string, now: EpochMs): WebhookHeaders;
  /** True when one of the secrets made one of the signatures, not more than five minutes ago. */
  verify(headers: Readonly<Record<string, string | undefined>>, body: Uint8Array, now: EpochMs): boolean;
}

/**
 * Secrets are written as Standard Webhooks writes them, `whsec_` and base64, several of them apart by spaces or lines. To change a secret,
 * put the new one before the old one, give it to the CI system, and take the old one away. Throws config.invalid.
 */
export function signerOf(text: string): Signer {
  const secrets = text.trim().split(/\s+/).map(keyOf);
  const signatures = (id: string, timestamp: string, body: string | Uint8Array): Buffer[] =>
    secrets.map((secret) => createHmac("sha256", secret).update(`${id}.${timestamp}.`).update(body).digest());
  return {
    sign: (id, body, now) => {
      const timestamp = String(Math.floor(now / 1_000));
      const signed = signatures(id, timestamp, body).map((signature) => `v1,${signature.toString("base64")}`);
      return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signed.join(" ") };
    },
    verify: (headers, body, now) => {
      const id = headers["webhook-id"];
      const timestamp = headers["webhook-timestamp"] ?? "";
      const offered = (headers["webhook-signature"] ?? "").split(" ");
      if (id === undefined || !/^\d{1,12}$/.test(timestamp)) return false;
      if (Math.abs(now - Number(timestamp) * 1_000) > TOLERANCE_MS) return false;
      const ours = signatures(id, timestamp, body);
      return offered.some((one) => one.startsWith("v1,") && ours.some((own) => same(own, one.slice(3))));
    },
  };
}

function same(own: Buffer, offered: string): boolean {
  const bytes = Buffer.from(offered, "base64");
  return bytes.length === own.length && timingSafeEqual(bytes, own);
}

/** Standard Webhooks asks for 24 to 64 bytes. */
function keyOf(secret: string): Buffer {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+=*)$/.exec(secret) ?? [];
  const key = Buffer.from(encoded ?? "", "base64");
  if (key.length < 24 || key.length > 64)
    throw new CodedError(
      "config.invalid",
      'the signing secret of an http runner is whsec_ and 24 to 64 bytes in base64, as of: echo "whsec_$(openssl rand -base64 32)"',
    );
  return key;
}
