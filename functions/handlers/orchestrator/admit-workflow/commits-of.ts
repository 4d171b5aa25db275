import { type ChangeUri, changeOf } from "../../../contracts/change-uri.ts";
import type { GitSha } from "../../../contracts/ids.ts";

/** The commit that a change names. Empty for a change of a kind that names none. */
export const commitsOf = (uri: ChangeUri): readonly GitSha[] => {
  const change = changeOf(uri);
  return "sha" in change ? [change.sha] : [];
};
