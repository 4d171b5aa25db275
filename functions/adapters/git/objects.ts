import type { GitSha } from "../../contracts/ids.ts";
import type { GitObject } from "./object-reader.ts";

/** The commit that an annotated tag points at; undefined when the tag points at something else, such as another tag. */
export const taggedCommit = ({ body }: GitObject): GitSha | undefined =>
  /^object ([0-9a-f]{40})\ntype commit\n/.exec(body.toString("latin1", 0, 100))?.[1] as GitSha | undefined;
