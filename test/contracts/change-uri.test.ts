import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChangeUri, changeKey, changeOf, parseChangeUri } from "../../functions/contracts/change-uri.ts";
import type { QueueName, RequestNumber } from "../../functions/contracts/ids.ts";
import { claimKey, viewKeys } from "../../functions/contracts/tables.ts";

const A = "a".repeat(40);
const REF = "refs%2Fheads%2Fmain";
const git = (ref: string): string => `git://h/r/${encodeURIComponent(ref)}/${A}`;

const ACCEPTED: readonly (readonly [uri: string, change: object])[] = [
  [`git://h/r/${REF}/${A}`, { scheme: "git", host: "h", repo: "r", ref: "refs/heads/main", sha: A, query: "" }],
  [`git://git.example.com:8443/a/b/c.git/${REF}/${A}`, { host: "git.example.com:8443", repo: "a/b/c.git" }],
  [`git://h/r/refs%2Fheads%2Ffeature%2Fx-1_y.z/${A}`, { ref: "refs/heads/feature/x-1_y.z" }],
  [`git://h/r/refs%2Fheads%2Ff%C3%A9/${A}`, { ref: "refs/heads/fé" }],
  [`git://h/r/refs%2Fheads%2F100%25/${A}`, { ref: "refs/heads/100%" }],
  [`git://h/r/refs%2Fchanges%2F42%2F1/${A}`, { ref: "refs/changes/42/1" }],
  [`git://10.0.0.1/r/${REF}/${"0123456789".repeat(4)}`, { host: "10.0.0.1" }],
  [`git://h/r/${REF}/${A}?sq-fake=build-fail&sq-files=a/b,c`, { query: "sq-fake=build-fail&sq-files=a/b,c" }],
  [`git://h/r/${REF}/${A}?`, { query: "" }],
  [`github://github.com/o/r/pull/1/${A}`, { scheme: "github", host: "github.com", repo: "o/r", pull: 1, sha: A }],
  [`github://ghe.example.com:443/org/team/r/pull/123456/${A}`, { repo: "org/team/r", pull: 123456 }],
  [`github://github.com/pull/pull/pull/7/${A}`, { repo: "pull/pull", pull: 7 }],
  [`github://github.com/O-x/R.y/pull/1/${A}?sq-fake=x`, { repo: "O-x/R.y", query: "sq-fake=x" }],
  ["phab://phab.example.com/D1/1", { scheme: "phab", host: "phab.example.com", revision: 1, diff: 1, query: "" }],
  ["phab://h:80/D12345/67890", { revision: 12345, diff: 67890 }],
];

const REJECTED: readonly (readonly [why: string, uri: string])[] = [
  ["nothing", ""],
  ["no scheme", `h/r/${REF}/${A}`],
  ["an unknown scheme", `ghe://h/o/r/pull/1/${A}`],
  ["a web address", "https://github.com/o/r/pull/1"],
  ["an upper-case scheme", `GIT://h/r/${REF}/${A}`],
  ["a blank before", ` git://h/r/${REF}/${A}`],
  ["a newline after", `git://h/r/${REF}/${A}\n`],
  ["a fragment", `git://h/r/${REF}/${A}#x`],
  ["one slash", `git:/h/r/${REF}/${A}`],
  ["no host", `git:///r/${REF}/${A}`],
  ["an upper-case host", `git://H/r/${REF}/${A}`],
  ["a host that is not ASCII", `git://h\u00e9/r/${REF}/${A}`],
  ["a user before the host", `git://u@h/r/${REF}/${A}`],
  ["a port that is no number", `git://h:x/r/${REF}/${A}`],
  ["an empty port", `git://h:/r/${REF}/${A}`],
  ["a host that ends in a dash", `git://h-/r/${REF}/${A}`],
  ["an empty segment", `git://h//r/${REF}/${A}`],
  ["a slash at the end", `git://h/r/${REF}/${A}/`],
  ["a blank in a segment", `git://h/a b/${REF}/${A}`],
  ["a segment of one dot", `git://h/./r/${REF}/${A}`],
  ["a segment of two dots", `git://h/../r/${REF}/${A}`],
  ["no repository", `git://h/${REF}/${A}`],
  ["a ref that is not encoded", `git://h/r/refs/heads/main/${A}`],
  ["a ref that is not under refs/", `git://h/r/main/${A}`],
  ["a ref of nothing but refs/", `git://h/r/refs%2F/${A}`],
  ["a ref encoded in lower case", `git://h/r/refs%2fheads%2fmain/${A}`],
  ["a ref encoded more than needed", `git://h/r/refs%2Fheads%2F%6Dain/${A}`],
  ["a ref encoded less than needed", `git://h/r/refs%2Fheads%2Fa+b/${A}`],
  ["a ref that does not decode", `git://h/r/refs%2Fheads%2F%E0%A4/${A}`],
  ["a ref with a blank", `git://h/r/refs%2Fheads%2Fa%20b/${A}`],
  ["a ref with two dots", `git://h/r/refs%2Fheads%2Fa..b/${A}`],
  ["a ref with a control character", `git://h/r/refs%2Fheads%2Fa%00/${A}`],
  ["a ref that ends in .lock", `git://h/r/refs%2Fheads%2Fa.lock/${A}`],
  ["a ref with an empty part", `git://h/r/refs%2Fheads%2F%2Fa/${A}`],
  ["a ref whose part begins with a dot", `git://h/r/refs%2Fheads%2F.a/${A}`],
  ["a ref that ends in a slash", `git://h/r/refs%2Fheads%2F/${A}`],
  ["a commit of 39 digits", `git://h/r/${REF}/${A.slice(1)}`],
  ["a commit of 41 digits", `git://h/r/${REF}/${A}a`],
  ["a commit in upper case", `git://h/r/${REF}/${A.toUpperCase()}`],
  ["a commit that is no hex", `git://h/r/${REF}/${"g".repeat(40)}`],
  ["a query with a blank", `git://h/r/${REF}/${A}?a b`],
  ["a query with a quote", `git://h/r/${REF}/${A}?a"b`],
  ["a pull request without owner", `github://h/r/pull/1/${A}`],
  ["a pull request under another word", `github://h/o/r/pulls/1/${A}`],
  ["pull request 0", `github://h/o/r/pull/0/${A}`],
  ["pull request 01", `github://h/o/r/pull/01/${A}`],
  ["pull request -1", `github://h/o/r/pull/-1/${A}`],
  ["pull request x", `github://h/o/r/pull/x/${A}`],
  ["a pull request of 13 digits", `github://h/o/r/pull/1234567890123/${A}`],
  ["a pull request without commit", "github://h/o/r/pull/1"],
  ["a revision without D", "phab://h/1/1"],
  ["revision D0", "phab://h/D0/1"],
  ["revision D01", "phab://h/D01/1"],
  ["a revision in lower case", "phab://h/d1/1"],
  ["diff 0", "phab://h/D1/0"],
  ["diff 01", "phab://h/D1/01"],
  ["a revision without diff", "phab://h/D1"],
  ["something after the diff", "phab://h/D1/1/1"],
];

describe("a change URI", () => {
  it.each(ACCEPTED)("%s is canonical", (uri, change) => {
    const parsed = parseChangeUri(uri);
    expect(parsed).toMatchObject({ ok: true, change });
    expect(ChangeUri.parse(uri)).toBe(uri);
  });

  it.each(REJECTED)("with %s is refused, with a reason: %s", (_why, uri) => {
    expect(parseChangeUri(uri)).toMatchObject({ ok: false, problem: expect.stringMatching(/\w{3}/) });
    expect(ChangeUri.safeParse(uri).success).toBe(false);
  });

  it("has at most 1024 characters", () => {
    const uri = `git://h/r/${REF}/${A}?`;
    expect(ChangeUri.safeParse(uri.padEnd(1_024, "p")).success).toBe(true);
    expect(ChangeUri.safeParse(uri.padEnd(1_025, "p"))).toMatchObject({
      error: { issues: [{ message: "a change URI has at most 1024 characters" }] },
    });
  });

  it.each([
    ["23 Japanese characters", "請求書の丸め誤差を直すための枝その二十三番目だよ"],
    ["83 Japanese characters, as many as git can store", "枝".repeat(83)],
    ["62 emoji", "🌳".repeat(62)],
    ["250 letters", "b".repeat(250)],
    ["a whole path of long parts", ["機能", "枝".repeat(30), "🌳".repeat(20)].join("/")],
  ])("takes a branch of %s, and its keys fit into the tables", (_what, branch) => {
    const uri = git(`refs/heads/${branch}`);
    expect(ChangeUri.safeParse(uri).success).toBe(true);
    const queue = "q".repeat(100) as QueueName;
    const bytes = (key: { pk: string; sk: string }) => [Buffer.byteLength(key.pk), Buffer.byteLength(key.sk)] as const;
    for (const key of [
      viewKeys.byChange(queue, uri, 1 as RequestNumber),
      claimKey(queue, changeKey(ChangeUri.parse(uri))),
    ]) {
      const [pk, sk] = bytes(key);
      expect(pk).toBeLessThanOrEqual(2_048);
      expect(sk).toBeLessThanOrEqual(1_024);
    }
  });

  it.each([
    ["of more bytes than git can store", git(`refs/heads/${"枝".repeat(84)}`), /more than 250 bytes/],
    ["with a blank", git("refs/heads/a b"), /blank/],
    ["with a line break", git("refs/heads/a\nb"), /control character/],
    ["with a reflog entry", git("refs/heads/a@{1}"), /@\{/],
    ["whose part ends in .lock", git("refs/heads/a.lock/b"), /\.lock/],
    ["in Latin-1", `git://h/r/refs%2Fheads%2Ff%E9/${A}`, /UTF-8/],
    ["in a SHA-256 repository", `git://h/r/${REF}/${"a".repeat(64)}`, /SHA-256.*SHA-1/],
    ["as a pull request of a SHA-256 repository", `github://h/o/r/pull/1/${"a".repeat(64)}`, /SHA-256/],
  ])("names what is wrong with a ref or commit %s", (_what, uri, problem) => {
    expect(parseChangeUri(uri)).toMatchObject({ ok: false, problem: expect.stringMatching(problem) });
  });

  it("takes the ref names that git takes, and no others", () => {
    const piece = fc.constantFrom(
      "a",
      "é",
      "🌳",
      "/",
      ".",
      "..",
      ".lock",
      "@",
      "@{",
      "{",
      "~",
      "^",
      ":",
      "?",
      "*",
      "[",
      "\\",
      " ",
      "\u0007",
      "\u007f",
      "\u009b",
      "-",
      "%",
      "'",
    );
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
        const ref = `refs/heads/${pieces.join("")}`;
        const { status } = spawnSync("git", ["check-ref-format", ref]);
        expect([ref, parseChangeUri(git(ref)).ok]).toEqual([ref, status === 0]);
      }),
      { numRuns: 150 },
    );
  });

  it("tells two spellings of one name apart, as git does: composed and decomposed", () => {
    const [nfc, nfd] = ["refs/heads/é".normalize("NFC"), "refs/heads/é".normalize("NFD")].map((ref) => git(ref));
    expect(changeOf(ChangeUri.parse(nfc))).not.toEqual(changeOf(ChangeUri.parse(nfd)));
    expect(ChangeUri.parse(nfd)).toBe(nfd);
  });

  it("of any text is either refused or kept byte for byte; parsing never throws", () => {
    const pieces = fc.constantFrom(
      "git",
      "github",
      "phab",
      "://",
      "/",
      "h",
      REF,
      A,
      "D1",
      "1",
      "pull",
      "?",
      "%",
      "#",
      "..",
      "\u0000",
      "é",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces, { maxLength: 14 }).map((parts) => parts.join("")),
        ),
        (text) => {
          const parsed = ChangeUri.safeParse(text);
          if (parsed.success) expect(parsed.data).toBe(text);
          else expect(parsed.error.issues.length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it("written from its parts reads back as the same parts", () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/);
    const host = fc.stringMatching(/^[a-z0-9]{1,8}(\.[a-z0-9]{1,4})?(:[0-9]{1,5})?$/);
    const sha = fc.stringMatching(/^[0-9a-f]{40}$/);
    const nested = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
    fc.assert(
      fc.property(host, nested, nested, sha, fc.integer({ min: 1, max: 1e9 }), (at, repo, branch, commit, n) => {
        const ref = `refs/heads/${branch}`;
        const git = ChangeUri.parse(`git://${at}/${repo}/${encodeURIComponent(ref)}/${commit}`);
        expect(changeOf(git)).toEqual({ scheme: "git", host: at, repo, ref, sha: commit, query: "" });
        const github = ChangeUri.parse(`github://${at}/o/${repo}/pull/${n}/${commit}`);
        expect(changeOf(github)).toEqual({
          scheme: "github",
          host: at,
          repo: `o/${repo}`,
          pull: n,
          sha: commit,
          query: "",
        });
      }),
    );
  });
});

describe("the key of a change", () => {
  const B = "b".repeat(40);
  it.each([
    [`git://h/r/${REF}/${A}`, `git://h/r/${REF}/${B}?sq-fake=x`],
    [`github://h/o/r/pull/7/${A}`, `github://h/o/r/pull/7/${B}`],
    ["phab://h/D7/1", "phab://h/D7/2"],
  ])("is one for two revisions: %s and %s", (one, other) => {
    expect(changeKey(ChangeUri.parse(one))).toBe(changeKey(ChangeUri.parse(other)));
  });

  it("differs for URIs that differ in more than the commit", () => {
    const uris = [
      `git://h/r/${REF}/${A}`,
      `git://h:1/r/${REF}/${A}`,
      `git://h/r/x/${REF}/${A}`,
      `git://h/r/refs%2Fheads%2Fother/${A}`,
      `github://h/o/r/pull/7/${A}`,
      `github://h/o/r/pull/8/${A}`,
      "phab://h/D7/1",
      "phab://h/D8/1",
    ];
    expect(new Set(uris.map((uri) => changeKey(ChangeUri.parse(uri)))).size).toBe(uris.length);
  });
});
