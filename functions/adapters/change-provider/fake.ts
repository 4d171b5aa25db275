import { CodedError } from "../../contracts/errors.ts";
import { reasonOf } from "../../contracts/reasons.ts";
import type { ChangeProvider } from "./change-provider.ts";
import { filesOf, markersOf } from "./markers.ts";

/** Reads no repository: what a change touches is written in it, as `?sq-files=a,b`, one added line each (doc/rfc/build-runner.md). */
export const fakeProvider = (): ChangeProvider => ({
  async touches(changes) {
    if (changes.some((uri) => markersOf(uri).has("provider-error")))
      throw new CodedError("repository.unavailable", "The fake change provider can't be reached, as the change asks.");
    const unknown = changes.find((uri) => markersOf(uri).has("not-found"));
    if (unknown) return { kind: "refused", reason: reasonOf("change.not_found", `There is no ${unknown}.`) };
    const files = changes.flatMap(filesOf);
    const paths = [...new Set(files)].sort();
    return {
      kind: "touches",
      touches: {
        paths,
        files: paths.length,
        additions: files.length,
        deletions: 0,
        authors: [],
      },
    };
  },
});
