import { type Fault, invalid } from "./http-problem.ts";

/**
 * The parameters of a query string, decoded. A route that takes `since` and `limit`: `limit=5&since=2026…` gives both. Throws
 * request.invalid for a parameter that the route does not take, one that is given twice, one without a value, and one whose
 * percent-encoding is no UTF-8; all faults at once.
 */
export function parametersIn(query: string, takes: readonly string[]): Readonly<Record<string, string>> {
  const parameters = new Map<string, string>();
  const faults: Fault[] = [];
  for (const [name, value] of query.split("&").filter(Boolean).map(decodedPair)) {
    const fault = faultOf(name, value, takes, parameters);
    if (fault === undefined) parameters.set(name, value ?? "");
    else faults.push({ at: name || '""', message: fault });
  }
  if (faults.length > 0) throw invalid(faults);
  return Object.fromEntries(parameters);
}

function faultOf(
  name: string,
  value: string | undefined,
  takes: readonly string[],
  seen: ReadonlyMap<string, string>,
): string | undefined {
  if (!takes.includes(name)) return `this parameter is unknown: ${takenBy(takes)}`;
  if (seen.has(name)) return "this parameter is given twice: give it once";
  if (value === undefined) return "the value of this parameter is not percent-encoded UTF-8";
  return value === "" ? "this parameter has no value: give it one, or leave it out" : undefined;
}

const takenBy = (takes: readonly string[]): string =>
  takes.length === 0 ? "this call takes no parameters" : `this call takes ${takes.join(", ")}`;

/**
 * A name and its value, percent-decoded. A name that can't be decoded is answered as it is, and is then unknown; a value that can't be
 * decoded is undefined.
 */
function decodedPair(pair: string): readonly [name: string, value: string | undefined] {
  const [name = ""] = pair.split("=", 1);
  return [decoded(name) ?? name, decoded(pair.slice(name.length + 1))];
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}
