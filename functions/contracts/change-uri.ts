import { utf8ToBytes } from "@noble/hashes/utils.js";
import * as z from "zod";
import type { GitSha } from "./ids.ts";

/**
 * Room for every branch that git can store as a file (250 bytes: 83 Japanese characters, 750 when percent-encoded) beside its host and
 * repository. DynamoDB's keys bear it: 1,024 bytes of a sort key, 2,048 of a partition key, which also holds the queue's name.
 */
const MAX_CHANGE_URI = 1_024;

/** A code change pinned to a commit. Only the canonical form is accepted; nothing is ever normalised, and equality is equality of bytes. */
export const ChangeUri = z
  .string()
  .min(1, "a change URI is not empty")
  .max(MAX_CHANGE_URI, `a change URI has at most ${MAX_CHANGE_URI} characters`)
  .superRefine((uri, ctx) => {
    const parsed = parseChangeUri(uri);
    if (!parsed.ok) ctx.addIssue({ code: "custom", message: parsed.problem });
  })
  .brand<"ChangeUri">();
export type ChangeUri = z.infer<typeof ChangeUri>;

/** What a change URI says. `query` rides along as identity only (and carries test markers). `ref` is decoded, as git knows it. */
export type Change =
  | { scheme: "git"; host: string; repo: string; ref: string; sha: GitSha; query: string }
  | { scheme: "github"; host: string; repo: string; pull: number; sha: GitSha; query: string }
  | { scheme: "phab"; host: string; revision: number; diff: number; query: string };

export type ParsedChangeUri = { ok: true; change: Change } | { ok: false; problem: string };

const HOST = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$/;
const SHA = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const POSITIVE = /^[1-9][0-9]{0,11}$/;
const SEGMENT = /^[A-Za-z0-9._~!$&'()*+,;=:@%-]+$/;
const QUERY = /^[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*$/;

const no = (problem: string): ParsedChangeUri => ({ ok: false, problem });

/** Parses one change URI. Never throws; `problem` says what the canonical form would be. */
export function parseChangeUri(uri: string): ParsedChangeUri {
  const match = /^([a-z]+):\/\/([^/?#]*)\/([^?#]*)(?:\?([^#]*))?$/.exec(uri);
  if (!match) return no("write it as <scheme>://<host>/<path>, with scheme git, github or phab");
  const [, scheme, host = "", path = "", query = ""] = match;
  if (!HOST.test(host)) return no("the host is lowercase ASCII, with an optional numeric port");
  if (!QUERY.test(query)) return no("the query holds characters that a URI may not hold");
  const segments = path.split("/");
  if (!segments.every((segment) => SEGMENT.test(segment))) return no("path segments are not empty and hold no blanks");
  if (segments.some((segment) => segment === "." || segment === "..")) return no("path segments are never . or ..");
  if (scheme === "git") return parseGit(host, segments, query);
  if (scheme === "github") return parseGithub(host, segments, query);
  if (scheme === "phab") return parsePhab(host, segments, query);
  return no(`scheme ${scheme} is unknown: use git, github or phab`);
}

function parseGit(host: string, segments: readonly string[], query: string): ParsedChangeUri {
  const form = "git://<host>/<repo…>/<percent-encoded ref>/<40 lowercase hex digits>";
  if (segments.length < 3) return no(`write it as ${form}`);
  const sha = segments.at(-1) ?? "";
  const encoded = segments.at(-2) ?? "";
  if (!SHA.test(sha)) return no(notASha(sha, form));
  const ref = decoded(encoded);
  if (ref === undefined) return no(`the ref is percent-encoded UTF-8: ${form}`);
  const problem = problemOfRef(ref);
  if (problem !== undefined) return no(`${problem}: ${form}`);
  if (encoded !== encodeURIComponent(ref)) return no(`the ref is percent-encoded as ${encodeURIComponent(ref)}`);
  return {
    ok: true,
    change: { scheme: "git", host, repo: segments.slice(0, -2).join("/"), ref, sha: sha as GitSha, query },
  };
}

function parseGithub(host: string, segments: readonly string[], query: string): ParsedChangeUri {
  const form = "github://<host>/<owner…>/<repo>/pull/<n>/<40 lowercase hex digits>";
  if (segments.length < 5 || segments.at(-3) !== "pull") return no(`write it as ${form}`);
  const n = segments.at(-2) ?? "";
  const sha = segments.at(-1) ?? "";
  if (!POSITIVE.test(n)) return no("the pull request is a positive number without leading zeros");
  if (!SHA.test(sha)) return no(notASha(sha, form));
  const repo = segments.slice(0, -3).join("/");
  return { ok: true, change: { scheme: "github", host, repo, pull: Number(n), sha: sha as GitSha, query } };
}

function parsePhab(host: string, segments: readonly string[], query: string): ParsedChangeUri {
  const [revision = "", diff = ""] = segments;
  const ok =
    segments.length === 2 && revision.startsWith("D") && POSITIVE.test(revision.slice(1)) && POSITIVE.test(diff);
  if (!ok) return no("write it as phab://<host>/D<revision>/<diff>, both positive numbers without leading zeros");
  return { ok: true, change: { scheme: "phab", host, revision: Number(revision.slice(1)), diff: Number(diff), query } };
}

/** The parsed change of a URI that has passed ChangeUri. Throws on anything else. */
export function changeOf(uri: ChangeUri): Change {
  const parsed = parseChangeUri(uri);
  if (!parsed.ok) throw new Error(`${uri}: ${parsed.problem}`);
  return parsed.change;
}

/** The change without its pinned commit: two revisions of one pull request, branch or diff share it. Claims are keyed by it. */
export function changeKey(uri: ChangeUri): string {
  const change = changeOf(uri);
  if (change.scheme === "git") return `git://${change.host}/${change.repo}/${encodeURIComponent(change.ref)}`;
  if (change.scheme === "github") return `github://${change.host}/${change.repo}/pull/${change.pull}`;
  return `phab://${change.host}/D${change.revision}`;
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

const notASha = (sha: string, form: string): string =>
  SHA256.test(sha)
    ? "the commit is one of a SHA-256 repository, and a queue lands in SHA-1 repositories only"
    : `the commit is 40 lowercase hex digits: ${form}`;

/** git keeps a ref in files named after its parts, and adds `.lock` to write one: the name of a file has 255 bytes at most. */
const MAX_REF_PART = 250;

/** What git has against a full ref name; undefined when git takes it (git-check-ref-format). */
function problemOfRef(ref: string): string | undefined {
  const parts = ref.split("/");
  if (!/^refs\/[^/]/.test(ref) || parts.includes("")) return "the ref decodes to refs/<something>";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: git forbids control characters in ref names.
  if (/[\u0000-\u0020\u007f~^:?*[\\]/.test(ref))
    return "the ref holds a blank, a control character or one of ~ ^ : ? * [ \\";
  if (ref.includes("..") || ref.includes("@{") || ref.endsWith(".")) return "the ref holds .. or @{, or ends in a dot";
  if (parts.some((part) => part.startsWith(".") || part.endsWith(".lock")))
    return "a part of the ref begins with a dot or ends in .lock";
  if (parts.some((part) => utf8ToBytes(part).length > MAX_REF_PART))
    return `a part of the ref has more than ${MAX_REF_PART} bytes of UTF-8`;
  return undefined;
}
