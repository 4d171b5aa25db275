import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import * as z from "zod";
import { git } from "../sandbox/git.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";

interface TrunkCommit {
  readonly sha: string;
  readonly subject: string;
  /** The trunk pointed at it once a batch had landed: it must pass the check. */
  readonly point: boolean;
  /** Whether the check passed there when it was run again; null for a commit between two points. */
  readonly passed: boolean | null;
}

export interface TrunkReport {
  /** Path of the bare repository. */
  readonly repository: string;
  readonly branch: string;
  /** What the queue has put onto the trunk, newest first. */
  readonly commits: readonly TrunkCommit[];
}

const Signed = z.object({ content: z.string() });
const Landed = z.object({ batchId: z.string(), outcome: z.object({ commit: z.string() }) });

/** How many commits are looked at side by side. */
const AT_ONCE = 12;

const RECORDS = "refs/submitqueue/records/";

/** Checks out every commit point of the trunk and runs the project's check there. Looks at the remote alone, and at nothing the queue says. */
export async function proveTrunk({ remote, branch, start, command }: Sandbox): Promise<TrunkReport> {
  const log = await git(remote, ["log", "--format=%H %s", `${start}..refs/heads/${branch}`]);
  const points = await commitPoints(remote);
  const commits: TrunkCommit[] = [];
  const rows = lines(log).map((line) => ({ sha: line.slice(0, 40), subject: line.slice(41) }));
  while (rows.length > 0) {
    const check = async (row: { sha: string; subject: string }): Promise<TrunkCommit> => {
      const point = points.has(row.sha);
      return { ...row, point, passed: point ? await passesAt(remote, row.sha, command) : null };
    };
    commits.push(...(await Promise.all(rows.splice(0, AT_ONCE).map(check))));
  }
  return { repository: remote, branch, commits };
}

/** The commits that the records of landings name: JSON files in the trees of the records refs. */
async function commitPoints(remote: string): Promise<ReadonlySet<string>> {
  const refs = lines(await git(remote, ["for-each-ref", "--format=%(refname)", RECORDS]));
  const files = await Promise.all(refs.map((ref) => git(remote, ["grep", "--no-line-number", "-h", "", ref])));
  const records = files.flatMap(lines).map((line) => Signed.parse(JSON.parse(line)));
  return new Set(records.flatMap(({ content }) => Landed.safeParse(JSON.parse(content)).data?.outcome.commit ?? []));
}

async function passesAt(remote: string, sha: string, command: string): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), "submitqueue-proof-"));
  try {
    await git(directory, ["clone", "--quiet", "--no-checkout", "--shared", remote, "tree"]);
    const tree = join(directory, "tree");
    await git(tree, ["checkout", "--quiet", "--detach", sha]);
    const { exitCode } = await execa("/bin/sh", ["-c", command], { cwd: tree, reject: false, timeout: 180_000 });
    return exitCode === 0;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");

const MARKS = { passed: "✔ the check passes", failed: "✘ THE CHECK FAILS", between: "│" };

/** The trunk's log, newest first, with a mark at each commit point. */
export function renderTrunk({ commits, branch, repository }: TrunkReport): string {
  const widest = Math.max(0, ...commits.map(({ subject }) => subject.length));
  const rows = commits.map(({ sha, subject, point, passed }) => {
    const mark = !point ? MARKS.between : passed ? MARKS.passed : MARKS.failed;
    return `  ${sha.slice(0, 10)}  ${subject.padEnd(widest)}  ${mark}`;
  });
  return [`${branch} of ${repository}, newest first:`, ...rows].join("\n");
}
