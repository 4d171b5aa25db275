import { createHash, createPrivateKey, type KeyObject, sign } from "node:crypto";
import type { Signer } from "./signer.ts";

const TYPE = "ssh-ed25519";
/** What keeps a signature of a commit from counting as one of anything else. */
const NAMESPACE = "git";

/** A string as the SSH protocol writes it: its length in four bytes, then its bytes. */
function packed(...parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part as string);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** Reads what `packed` writes, in order. Throws at the end of the bytes. */
function reader(bytes: Buffer) {
  let at = 0;
  const uint = (): number => {
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  return {
    uint,
    string: (): Buffer => {
      const length = uint();
      if (at + length > bytes.length) throw new Error("the key is cut off");
      at += length;
      return bytes.subarray(at - length, at);
    },
  };
}

/** Signs with ed25519, whose signatures follow from the key and the bytes alone. Format: PROTOCOL.sshsig of OpenSSH. Throws for any other key. */
export function sshSigner(text: string): Signer {
  const { key, publicKey } = parsed(text);
  return {
    id: createHash("sha256").update(publicKey).digest("hex"),
    async sign(commit) {
      const hash = createHash("sha512").update(commit).digest();
      const signed = Buffer.concat([Buffer.from("SSHSIG"), packed(NAMESPACE, "", "sha512", hash)]);
      const signature = packed(TYPE, sign(null, signed, key));
      const version = Buffer.from([0, 0, 0, 1]);
      const whole = Buffer.concat([
        Buffer.from("SSHSIG"),
        version,
        packed(publicKey, NAMESPACE, "", "sha512", signature),
      ]);
      const lines = whole.toString("base64").match(/.{1,70}/g) ?? [];
      return ["-----BEGIN SSH SIGNATURE-----", ...lines, "-----END SSH SIGNATURE-----"].join("\n");
    },
  };
}

/** Format: PROTOCOL.key of OpenSSH. */
function parsed(text: string): { readonly key: KeyObject; readonly publicKey: Buffer } {
  const [, body = ""] =
    /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+?)-----END/.exec(text.replaceAll("\\n", "\n")) ?? [];
  const bytes = Buffer.from(body, "base64");
  const magic = "openssh-key-v1\0";
  if (bytes.subarray(0, magic.length).toString("latin1") !== magic) throw new Error("it is no OpenSSH private key");
  const outer = reader(bytes.subarray(magic.length));
  const cipher = outer.string().toString("latin1");
  if (cipher !== "none") throw new Error("its key is under a passphrase");
  outer.string();
  outer.string();
  outer.uint();
  const publicKey = outer.string();
  const inner = reader(outer.string());
  inner.uint();
  inner.uint();
  const type = inner.string().toString("latin1");
  if (type !== TYPE) throw new Error(`its key is of the type ${type}, and has to be ${TYPE}`);
  const [x, both] = [inner.string(), inner.string()];
  const jwk = { kty: "OKP", crv: "Ed25519", x: x.toString("base64url"), d: both.subarray(0, 32).toString("base64url") };
  return { key: createPrivateKey({ key: jwk, format: "jwk" }), publicKey };
}
