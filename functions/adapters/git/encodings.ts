// The text of commits is held as git stores it: latin1 strings, one character per byte. A commit may name the encoding of its text. git takes
// text without a named encoding for UTF-8, and does not check.

/** Names that iconv knows and TextDecoder does not. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["latin-1", "latin1"],
  ["cp932", "shift_jis"],
  ["eucjp", "euc-jp"],
  ["euckr", "euc-kr"],
  ["cp949", "euc-kr"],
  ["cp936", "gbk"],
  ["cp950", "big5"],
]);

/** Encodings that use ASCII bytes for letters that are not ASCII. */
const SEVEN_BIT = /^(utf-?7|hz|(csiso|iso-?)2022)/i;

const isAscii = (bytes: string): boolean => !/[^\0-\x7f]/.test(bytes);

/** UTF-8 text as bytes. */
export const asBytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

/**
 * The bytes of a commit's text, translated to UTF-8 bytes. Text without a named encoding is answered as it is. Undefined when the encoding is
 * not known to this machine, or the bytes are not valid in the encoding.
 */
export function utf8Of(bytes: string, encoding: string | undefined): string | undefined {
  if (encoding === undefined || /^utf-?8$/i.test(encoding)) return bytes;
  const label = ALIASES.get(encoding.toLowerCase()) ?? encoding;
  try {
    return asBytes(new TextDecoder(label, { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes, "latin1")));
  } catch {
    return isAscii(bytes) && !SEVEN_BIT.test(encoding) ? bytes : undefined;
  }
}

/** The text of a commit, for people. Bytes that are not valid in the encoding are shown as escapes: `gr\xf6\xdfer`. */
export function readable(bytes: string, encoding: string | undefined): string {
  const utf8 = utf8Of(bytes, encoding);
  try {
    if (utf8 !== undefined) return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(utf8, "latin1"));
  } catch {
    // Not UTF-8, and no encoding was named.
  }
  return bytes.replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
}
