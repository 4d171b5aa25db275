import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { buildFiles, Claim } from "./build-files.ts";
import { readIfThere } from "./files.ts";
import { isAlive } from "./process-mark.ts";

/** More than a queue may have running, so that nobody asks about a build that was forgotten. */
const KEPT = 1_000;

/** Deletes the oldest builds beyond `kept`, less those that are still running; `removeTree` is told of worktrees that they left. */
export async function forgetOldBuilds(
  directory: string,
  removeTree: (tree: string) => Promise<void>,
  kept = KEPT,
): Promise<void> {
  const names = await readdir(directory);
  if (names.length <= kept) return;
  const aged = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(directory, name)).catch(() => undefined))?.mtimeMs ?? 0 })),
  );
  aged.sort((a, b) => a.at - b.at);
  for (const { name } of aged.slice(0, -kept)) {
    const old = join(directory, name);
    if (await isRunning(old)) continue;
    const inside = await readdir(old).catch(() => []);
    for (const tree of inside.filter((entry) => entry.startsWith("tree-"))) await removeTree(join(old, tree));
    await rm(old, { recursive: true, force: true });
  }
}

async function isRunning(directory: string): Promise<boolean> {
  const files = buildFiles(directory);
  const claim = await readIfThere(files.claim);
  if (claim === undefined || (await readIfThere(files.verdict)) !== undefined) return false;
  return isAlive(Claim.parse(JSON.parse(claim)).supervisor);
}
