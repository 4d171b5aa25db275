import { changeOf } from "../../contracts/change-uri.ts";
import { asBytes, type Commit, subjectOf } from "./commits.ts";
import type { PinnedChange } from "./ensure.ts";

type Requested = PinnedChange & { readonly sqid: string };
/** Ready for a commit: bytes, and none of the source's encoding. */
type Message = Pick<Commit, "message" | "encoding">;

const trailers = ({ sqid, uri }: Requested): string => `Submitqueue-Request: ${sqid}\nSubmitqueue-Change: ${uri}\n`;
const utf8 = (text: string): Message => ({ message: asBytes(text), encoding: undefined });

function labelOf({ uri }: Requested): string {
  const change = changeOf(uri);
  if (change.scheme === "github") return `${change.repo}#${change.pull}`;
  if (change.scheme === "git") return change.ref.replace(/^refs\/(heads\/)?/, "");
  return uri;
}

/** The message of the one commit that stands for several: a single one's subject, else the first one's with a list of all. */
export function squashMessage(change: Requested, commits: readonly Commit[]): Message {
  const subjects = commits.map((commit) => subjectOf(commit) || "(no message)");
  const [first = labelOf(change)] = subjects;
  const list = subjects.length > 1 ? `${subjects.map((subject) => `* ${subject}`).join("\n")}\n\n` : "";
  return utf8(`${first}\n\n${list}${trailers(change)}`);
}

export const mergeMessage = (change: Requested, branch: string): Message =>
  utf8(`Merge ${labelOf(change)} into ${branch}\n\n${trailers(change)}`);
