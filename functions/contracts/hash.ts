import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/** Lowercase hex SHA-256 of the parts, each closed by a newline so that ("a", "bc") and ("ab", "c") differ. 64 characters. */
export const hashOf = (...parts: readonly (string | number)[]): string =>
  bytesToHex(sha256(utf8ToBytes(parts.map((part) => `${part}\n`).join(""))));
