import { cut, printable } from "../../contracts/text.ts";

/** A ref that a push has not updated, and why. */
export interface Rejection {
  readonly ref: string;
  /** Git's summary, such as `[remote rejected] (pre-receive hook declined)`. */
  readonly why: string;
}

/** What a host said when it refused a push by a rule of its own. */
export interface HostWords {
  /** One line, without control characters, bounded. */
  readonly text: string;
  /**
   * change: a rule about what commits contain, or what their messages say. queue: a rule about who may push, or how, which holds for every
   * push. unknown: the words do not tell which.
   */
  readonly about: "change" | "queue" | "unknown";
  /** The refs that the host itself refused. The other refs of the push were not updated either, since a push is all or nothing. */
  readonly refs: readonly string[];
}

/** The summaries by which the protocol says that a rule of the host refused the ref. All other summaries mean a race or a breakdown. */
const BY_RULE =
  /hook declined|declined|protected|prohibited|not permitted|not allowed|permission|denied|denying|deny |refusing|read.?only|forbidden|hidden ref|checked out|GH\d{3}|rule violation/i;
/** The summaries of refs that the host did not refuse: another ref of the push was refused, or another push came first. */
const BY_OTHERS =
  /atomic|fetch first|non-fast-forward|stale info|cannot lock ref|failed to (update|lock)|reference already exists|unable to (write|create|migrate)|no space|unpacker error/i;

/** Rules about content, as GitHub, GitLab, Bitbucket, Gerrit, Azure and common hooks word them. */
const ABOUT_CHANGE =
  /commit message|message (must|does not|should|lacks)|must match|does not (match|follow)|\bpattern|\bsecrets?\b|credentials? (was |were )?found|file (size|is too|path|name|extension)|too (large|big)|larger than|\bexceed|\bmaximum\b|\bLFS\b|merge commits?|linear history|author('s)? (e-?mail|name)|sign(ed)?-off|change-id|\bticket|issue (key|number|id)|whitespace|\blint|binary files?|\bblob\b/i;
/** Rules about who may push, by which way, or with which signature: the commits that the queue makes bear no signature. */
const ABOUT_QUEUE =
  /pull requests?\b|merge requests?\b|merge queue|status checks?|code scanning|required (workflow|deployment)|active \w+ deployment|code owner|approving review|reviewers?\b|changes have been requested|being restricted|locked branch|not (allowed|permitted|authorized) to (push|update|write|access|create|change|modify|delete|force)|pushes to .* (are |is )?not (allowed|permitted)|\bpermissions?\b|access (was |is )?denied|write access|protected (branch|ref)|update this protected|read.?only|GH006|GH013.*(pull request|status check)|archived|\bfrozen\b|\bfreeze\b|maintenance|signature|must be signed|\bgpg\b|\bcommitter\b|deploy key|checked out|hidden ref|prohibited by gerrit|quota|suspended/i;

/** What the host said, from the rejected refs and from what git printed. Undefined when no rule of the host caused the rejections. */
export function wordsOf(rejections: readonly Rejection[], stderr: string): HostWords | undefined {
  const refused = rejections.filter(({ why }) => BY_RULE.test(why) && !BY_OTHERS.test(why));
  if (refused.length === 0) return undefined;
  const said = stderr.split("\n").flatMap((line) => (line.startsWith("remote:") ? [line.slice("remote:".length)] : []));
  const summaries = refused.map(({ why }) => why.replace(/^\[remote rejected\]\s*/, ""));
  const text = oneLine([...said, ...new Set(summaries)].join("\n"));
  return { text, about: aboutOf(text), refs: refused.map(({ ref }) => ref) };
}

/**
 * What a host quotes says nothing about its rule: names of checks, patterns, teams and repositories. Example: `Required status check "lint" is
 * expected.` is no rule about how code is formatted.
 */
const QUOTED = /"[^"]*"|'[^']*'|`[^`]*`|\bhttps?:\/\/\S+|\b(?:from|to) [\w.-]+\/[\w.-]+/g;

function aboutOf(text: string): HostWords["about"] {
  const words = text.replace(QUOTED, "");
  if (ABOUT_CHANGE.test(words)) return "change";
  return ABOUT_QUEUE.test(words) ? "queue" : "unknown";
}

/** What operators do about a rule that holds for every push of the queue, by the words of the rule. */
const MENDINGS: readonly (readonly [RegExp, string])[] = [
  [
    /status checks?|code scanning|required workflow/i,
    "The queue's operators have to have the required checks report on the commits that the queue builds (buildRunner: github-checks), or let the queue bypass the rule.",
  ],
  [
    /signature|must be signed|\bgpg\b/i,
    "The queue's operators have to set commitSigningSecret, with a key that the host knows, or let the queue bypass the rule.",
  ],
  [
    /archived|locked branch|\bfrozen\b|\bfreeze\b|maintenance|read.?only/i,
    "The queue's operators have to open the branch again, or pause the queue until it is open.",
  ],
  [
    /pull requests?\b|merge requests?\b|merge queue|review|deployment|restricted|update this protected/i,
    "The queue's operators have to put the queue's App or user on the list of those that may bypass the rule.",
  ],
];

/** What the queue's operators do when the host refuses every push of the queue to the branch. */
export const mendingOf = (words: string, branch: string): string =>
  MENDINGS.find(([rule]) => rule.test(words.replace(QUOTED, "")))?.[1] ??
  `The queue's operators have to let the queue push to ${branch}.`;

const MAX_WORDS = 700;

/** Text from outside the queue as one bounded line that can be shown anywhere (text.ts): ends of lines become `; `. */
export function oneLine(text: string): string {
  const lines = text
    .split(/\r?\n|\r/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return cut(printable(lines.join("; ")), MAX_WORDS);
}
