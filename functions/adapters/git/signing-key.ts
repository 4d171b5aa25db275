import { CodedError } from "../../contracts/errors.ts";
import type { Signer } from "./signer.ts";
import { sshSigner } from "./ssh-signing.ts";

const known = new Map<string, Promise<Signer>>();

/**
 * The signer of a private key: an OpenSSH key of the type ed25519, or an armored OpenPGP key, neither under a passphrase. `name` is what the
 * secret is called in an error. Throws config.invalid.
 */
export function signerFrom(key: string, name: string): Promise<Signer> {
  const found = known.get(key) ?? read(key, name);
  known.set(key, found);
  return found;
}

async function read(key: string, name: string): Promise<Signer> {
  try {
    if (key.includes("BEGIN OPENSSH PRIVATE KEY")) return sshSigner(key);
    // Loaded where it is needed: the library is large.
    if (key.includes("BEGIN PGP PRIVATE KEY BLOCK"))
      return await (await import("./openpgp-signing.ts")).openPgpSigner(key);
    throw new Error("it is neither an OpenSSH private key nor an armored OpenPGP private key");
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new CodedError(
      "config.invalid",
      `secret ${name} can't sign commits: ${problem}. Make a key with: ssh-keygen -t ed25519 -N '' -f signing`,
      { cause },
    );
  }
}
