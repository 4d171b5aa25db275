import type { Commit } from "../adapters/git/commits.ts";
import { asBytes, utf8Of } from "../adapters/git/encodings.ts";
import type { PinnedChange } from "../adapters/git/pinned-changes.ts";
import { changeOf } from "../contracts/change-uri.ts";
import { emailOf, nameOf } from "./identities.ts";
import { parseMessage, type Trailer, withTrailers } from "./trailers.ts";

/** `said`: what a squash of the change says, by its pull request. */
type Requested = PinnedChange & { readonly sqid: string; readonly said?: string | undefined };

/** Author and message of a commit that the queue makes, as bytes in one encoding. */
type Text = Pick<Commit, "author" | "message" | "encoding">;

/** untold: the text of `commit` is in an encoding that this machine can't read, so it can't be joined with text in another encoding. */
export type Told =
  | { readonly kind: "told"; readonly text: Text }
  | { readonly kind: "untold"; readonly commit: Commit };

const ours = ({ sqid, uri }: Requested): readonly string[] => [
  `Submitqueue-Request: ${sqid}`,
  `Submitqueue-Change: ${uri}`,
];

/**
 * Author and message of the one commit that takes the place of a change. `commits` are all commits of the change, parents first. The author
 * is the last commit's. Messages of merge commits are left out, unless the change has no other commits; their authors are credited.
 *
 * A single commit keeps its message whole, byte for byte. Of several, the message has the first one's subject, then each subject with its
 * body, then one block with the trailers of all, a `Co-authored-by` for every other author, and the queue's own. Example:
 *
 *     Count the tries
 *
 *     * Count the tries
 *
 *     They were not counted.
 *
 *     * Count them from one
 *
 *     Signed-off-by: Ada <ada@example.test>
 *     Co-authored-by: Bob <bob@example.test>
 *     Submitqueue-Request: shop/7
 *     Submitqueue-Change: git://…
 *
 * A change that comes with a message of its own (`said`) keeps that message, and gets the same block of trailers. When this machine can't
 * read the encoding of the commits, their messages are taken instead.
 */
export function squashed(change: Requested, commits: readonly Commit[]): Told {
  const plain = commits.filter(({ parents }) => parents.length < 2);
  const [first, ...more] = plain.length > 0 ? plain : commits;
  if (first === undefined) throw new Error(`${change.uri} has no commits to squash`);
  if (change.said === undefined && more.length === 0 && coAuthors(first.author, commits).length === 0)
    return told({ ...first, message: withTrailers(titled(first.message), ours(change)) });
  const same = inOneEncoding(commits);
  if (same.kind === "untold") return same;
  const tellers = same.commits.filter(({ sha }) => sha === first.sha || more.some((one) => one.sha === sha));
  const { author, encoding } = tellers.at(-1) ?? first;
  const credits = coAuthors(author, same.commits);
  if (change.said !== undefined && encoding === undefined)
    return saidBy(change, change.said, { author, tellers, credits });
  if (tellers.length === 1) {
    const [{ message }] = tellers as [Commit];
    const known = new Set(parseMessage(message).trailers.map(identityOf));
    const added = credits.filter((credit) => !known.has(identityOf(credit)));
    return told({ author, encoding, message: withTrailers(titled(message), [...texts(added), ...ours(change)]) });
  }
  const parsed = tellers.map(({ message }) => parseMessage(message));
  const block = blockOf(change, author, [...parsed.flatMap((one) => one.trailers), ...credits]);
  const items = parsed.map(({ rest }) => itemOf(rest));
  return told({ author, encoding, message: `${titleOf(items)}\n\n${listOf(items)}\n\n${block}` });
}

/** The message that a change came with, and the trailers of that message, of the commits, and of the queue. */
function saidBy(
  change: Requested,
  said: string,
  { author, tellers, credits }: { author: string; tellers: readonly Commit[]; credits: readonly Trailer[] },
): Told {
  const { rest, trailers } = parseMessage(asBytes(said));
  const others = tellers.flatMap(({ message }) => parseMessage(message).trailers);
  const block = blockOf(change, author, [...trailers, ...others, ...credits]);
  return told({ author, encoding: undefined, message: `${titled(rest).trim()}\n\n${block}` });
}

/** The trailers of a squash, each once, without those that name the author as a co-author. The queue's own are the last. */
function blockOf(change: Requested, author: string, trailers: readonly Trailer[]): string {
  const kept = unique(trailers.filter((trailer) => !names(trailer, author)));
  return [...texts(kept), ...ours(change)].map((line) => `${line}\n`).join("");
}

/** Author and message of the commit that merges a change. The author is the last commit's of the change. */
export function merged(change: Requested, head: Commit, branch: string): Told {
  const message = `${asBytes(`Merge ${labelOf(change)} into ${branch}`)}\n\n${ours(change).join("\n")}\n`;
  const author = utf8Of(head.author, head.encoding);
  if (author !== undefined) return told({ author, encoding: undefined, message });
  // Every encoding contains plain ASCII.
  return /[\x80-\xff]/.test(message)
    ? { kind: "untold", commit: head }
    : told({ author: head.author, encoding: head.encoding, message });
}

const told = ({ author, encoding, message }: Text): Told => ({ kind: "told", text: { author, encoding, message } });

/** The commits, translated to UTF-8; or as they are, when all are in one encoding that this machine can't read. */
function inOneEncoding(
  commits: readonly Commit[],
): { readonly kind: "same"; readonly commits: readonly Commit[] } | Extract<Told, { kind: "untold" }> {
  const decoded: Commit[] = [];
  for (const commit of commits) {
    const [author, message] = [commit.author, commit.message].map((text) => utf8Of(text, commit.encoding));
    if (author === undefined || message === undefined)
      return commits.every(({ encoding }) => encoding === commit.encoding)
        ? { kind: "same", commits }
        : { kind: "untold", commit };
    decoded.push({ ...commit, author, message, encoding: undefined });
  }
  return { kind: "same", commits: decoded };
}

interface Item {
  readonly subject: string;
  readonly body: string;
}

const NO_MESSAGE = "(no message)";
/**
 * The message with a title. git takes the first paragraph for the title and finds no trailers in it, so a message may not begin with
 * trailers.
 */
const titled = (message: string): string => (message.trim() === "" ? `${NO_MESSAGE}\n` : message);

function itemOf(message: string): Item {
  const [subject = "", ...body] = message.replace(/^\s+/, "").split("\n");
  return { subject: subject.trim() || NO_MESSAGE, body: body.join("\n").replace(/^([ \t\r]*\n)+|\s+$/g, "") };
}

/** The start of the subject that `git commit --fixup` and `--squash` make. */
const AUTOSQUASH = /^((fixup|squash|amend)! )+/;

const titleOf = (items: readonly Item[]): string =>
  (items.find(({ subject }) => !AUTOSQUASH.test(subject)) ?? items[0])?.subject.replace(AUTOSQUASH, "") ?? NO_MESSAGE;

const listOf = (items: readonly Item[]): string =>
  items
    .map(({ subject, body }, index) => {
      const isLoose = body !== "" || (items[index - 1]?.body ?? "") !== "";
      return `${index > 0 ? (isLoose ? "\n\n" : "\n") : ""}* ${subject}${body === "" ? "" : `\n\n${body}`}`;
    })
    .join("");

/** A `Co-authored-by` trailer for each author of the commits other than `author`, one per address. */
function coAuthors(author: string, commits: readonly Commit[]): readonly Trailer[] {
  const credits = commits.map((commit): Trailer => {
    const value = `${nameOf(commit.author)} <${emailOf(commit.author)}>`.trim();
    return { key: "Co-authored-by", value, text: `Co-authored-by: ${value}` };
  });
  return unique(credits.filter((credit) => credit.value !== "<>" && !names(credit, author)));
}

const isCoAuthor = ({ key }: Trailer): boolean => key.toLowerCase() === "co-authored-by";
const addressIn = ({ value }: Trailer): string | undefined => /<([^<>]*)>$/.exec(value)?.[1]?.toLowerCase();

/** True when the trailer names `author` as a co-author: of their own commit. */
const names = (trailer: Trailer, author: string): boolean => {
  const address = addressIn(trailer);
  if (!isCoAuthor(trailer) || address === undefined) return false;
  return address === ""
    ? trailer.value === `${nameOf(author)} <${emailOf(author)}>`.trim()
    : address === emailOf(author).toLowerCase();
};

/**
 * The same text for trailers that mean the same. A co-author is known by the address, a trailer with an address by its text without regard to
 * case, and any other trailer by its exact text.
 */
const identityOf = (trailer: Trailer): string => {
  const address = addressIn(trailer);
  const { key, value } = trailer;
  const said = isCoAuthor(trailer) && address ? address : address === undefined ? value : value.toLowerCase();
  return `${key.toLowerCase()}: ${said}`;
};

/** Each trailer once, as it was first spelt, in order of first appearance. */
function unique(trailers: readonly Trailer[]): readonly Trailer[] {
  const first = new Map<string, Trailer>();
  for (const trailer of trailers) {
    const said = identityOf(trailer);
    if (!first.has(said)) first.set(said, trailer);
  }
  return [...first.values()];
}

const texts = (trailers: readonly Trailer[]): readonly string[] => trailers.map(({ text }) => text);

function labelOf({ uri }: Requested): string {
  const change = changeOf(uri);
  if (change.scheme === "github") return `${change.repo}#${change.pull}`;
  if (change.scheme === "git") return change.ref.replace(/^refs\/(heads\/)?/, "");
  return uri;
}
