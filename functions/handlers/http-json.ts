import { CodedError } from "../contracts/errors.ts";

/**
 * Parses a JSON text in UTF-8. Throws request.malformed_json, also when an object names a key twice, since programs differ in which of the
 * two counts.
 */
export function jsonOf(bytes: Uint8Array): unknown {
  const text = textOf(bytes);
  const value = parsed(text);
  const twice = keyNamedTwice(text);
  if (twice !== undefined)
    throw new CodedError("request.malformed_json", `An object of the body names the key ${twice} twice: name it once.`);
  return value;
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CodedError("request.malformed_json", "The body is not JSON: its bytes are not UTF-8.", { cause });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CodedError("request.malformed_json", `The body is not JSON: ${String(cause)}.`, { cause });
  }
}

/** A string, or a character that opens, closes or separates. The text is known to be JSON, so the characters in between do not matter. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],]/g;

/**
 * The first key, as it is written, that one object has twice; undefined when there is none. Of `{"a":1,"\u0061":2}`, it is `"\u0061"`:
 * two spellings of one key.
 */
function keyNamedTwice(text: string): string | undefined {
  // The keys of the objects that are open, outermost first; undefined stands for a list.
  const open: (Set<string> | undefined)[] = [];
  let isKey = false;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{" || token === "[") open.push(token === "{" ? new Set() : undefined);
    else if (token === "}" || token === "]") open.pop();
    else if (token !== "," && isKey) {
      const key: string = JSON.parse(token);
      const keys = open.at(-1);
      if (keys?.has(key)) return token;
      keys?.add(key);
    }
    // A key follows the start of an object and, within one, a comma.
    isKey = token === "{" || (token === "," && open.at(-1) !== undefined);
  }
  return undefined;
}
