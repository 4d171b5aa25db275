import { type ChangeUri, changeOf } from "../../contracts/change-uri.ts";

const valuesOf = (uri: ChangeUri, parameter: string): string[] =>
  new URLSearchParams(changeOf(uri).query)
    .getAll(parameter)
    .flatMap((value) => value.split(","))
    .filter((value) => value !== "");

/** What a change asks of the fakes: `?sq-fake=a,b` and `?sq-fake=a&sq-fake=b` are the markers a and b. */
export const markersOf = (uri: ChangeUri): ReadonlySet<string> => new Set(valuesOf(uri, "sq-fake"));

/** The files that a change says it touches: `?sq-files=a,b`. */
export const filesOf = (uri: ChangeUri): readonly string[] => valuesOf(uri, "sq-files");
