import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { readIfThere } from "../../functions/adapters/build-runner/files.ts";
import { buildFiles, buildsDirectory, sandboxesDirectory } from "./build-files.ts";
import { isAlive } from "./process-mark.ts";
import { discard } from "./sandbox-directory.ts";
import { readClaim } from "./verdict.ts";

/** More than a queue may have running, so that no poll asks about a build that was forgotten. */
const KEPT = 1_000;

/** Longer than it takes from making a sandbox to its build's claim. */
const UNCLAIMED_MS = 3_600_000;

/** Deletes what is known of the oldest builds beyond `kept`, except for the running ones. */
export async function forgetOldBuilds(directory: string, kept = KEPT): Promise<void> {
  const names = await readdir(directory);
  if (names.length <= kept) return;
  const aged = await Promise.all(names.map(async (name) => ({ name, at: await changedAt(join(directory, name)) })));
  aged.sort((a, b) => a.at - b.at);
  for (const { name } of aged.slice(0, -kept)) {
    const old = join(directory, name);
    if ((await sandboxInUse(old)) === undefined) await rm(old, { recursive: true, force: true });
  }
}

/**
 * Removes the sandboxes of builds that are over: of those whose supervisor was killed, and those that could not be removed when their
 * build ended. What can't be removed now is tried again next time.
 */
export async function removeLeftovers(workDirectory: string, now = Date.now()): Promise<void> {
  const sandboxes = await readdir(sandboxesDirectory(workDirectory));
  const builds = await readdir(buildsDirectory(workDirectory));
  for (const name of sandboxes) {
    const sandbox = join(sandboxesDirectory(workDirectory), name);
    const key = name.slice(0, name.indexOf("-"));
    const owners = builds
      .filter((build) => build.startsWith(key))
      .map((build) => join(buildsDirectory(workDirectory), build));
    const used = await Promise.all(owners.map(sandboxInUse));
    if (used.includes(sandbox)) continue;
    const claims = await Promise.all(owners.map((owner) => readClaim(buildFiles(owner))));
    const isClaimed = claims.some((claim) => claim?.sandbox === sandbox);
    if (isClaimed || now - (await changedAt(sandbox)) > UNCLAIMED_MS) await discard(sandbox);
  }
}

/** The sandbox that the build of a directory runs in; undefined when it does not run. */
async function sandboxInUse(directory: string): Promise<string | undefined> {
  const files = buildFiles(directory);
  const claim = await readClaim(files);
  if (claim === undefined || (await readIfThere(files.verdict)) !== undefined) return undefined;
  return (await isAlive(claim.supervisor)) ? claim.sandbox : undefined;
}

const changedAt = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
