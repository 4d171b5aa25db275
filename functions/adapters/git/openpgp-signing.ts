import { createMessage, type PrivateKey, readPrivateKey, sign } from "openpgp";
import type { Signer } from "./signer.ts";

/**
 * Signs with an OpenPGP key. The time of a signature is that of the commit, or of the key where the key is younger, and no salt is added: so
 * signatures follow from the key and the commit alone. A key for which they do not is refused.
 */
export async function openPgpSigner(armored: string): Promise<Signer> {
  const key = await readPrivateKey({ armoredKey: armored.replaceAll("\\n", "\n") });
  if (!key.isDecrypted()) throw new Error("its key is under a passphrase");
  const { keyPacket } = await key.getSigningKey(undefined, key.getCreationTime());
  const youngest = Math.max(key.getCreationTime().getTime(), keyPacket.created.getTime());
  const signer: Signer = {
    id: key.getFingerprint(),
    sign: (commit, seconds) => signature(key, commit, new Date(Math.max(seconds * 1_000, youngest))),
  };
  const [once, again] = [await signer.sign(Buffer.from("probe"), 0), await signer.sign(Buffer.from("probe"), 0)];
  if (once !== again) throw new Error("its key signs the same commit differently each time");
  return signer;
}

async function signature(key: PrivateKey, commit: Buffer, date: Date): Promise<string> {
  const armored = await sign({
    message: await createMessage({ binary: commit }),
    signingKeys: key,
    detached: true,
    date,
    config: { nonDeterministicSignaturesViaNotation: false, showComment: false, showVersion: false },
  });
  return armored.replaceAll("\r\n", "\n").trimEnd();
}
