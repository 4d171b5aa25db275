import { chmod, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** The directories of a sandbox: the clone that the command runs in, its HOME, and its TMPDIR. */
export const sandboxPaths = (sandbox: string) => ({
  tree: join(sandbox, "tree"),
  home: join(sandbox, "home"),
  temporary: join(sandbox, "tmp"),
});

/** Removes a sandbox. False when something of it is left, for `removeLeftovers` to remove later: that is no reason for an error. */
export async function discard(sandbox: string): Promise<boolean> {
  const remove = () => rm(sandbox, { recursive: true, force: true, maxRetries: 2 });
  try {
    await remove().catch(async () => {
      await makeWritable(sandbox);
      await remove();
    });
    return true;
  } catch {
    return false;
  }
}

/** A directory that may not be written keeps what is in it from being removed. */
async function makeWritable(directory: string): Promise<void> {
  await chmod(directory, 0o700).catch(() => undefined);
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await makeWritable(join(directory, entry.name));
}
