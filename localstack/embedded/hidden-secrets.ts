import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as z from "zod";
import { SECRET_PREFIX } from "./secrets.ts";

/** Names the file that takes the secrets from a process to the program that replaces the process. */
const HANDED_ON = "SUBMITQUEUE_SECRETS_HANDED_ON";

/**
 * Builds can read the environment that this process was started with (/proc/<pid>/environ), also what is deleted from `process.env`. So
 * a process that was started with secrets replaces itself by the same program, started without them: its id stays the same. They pass
 * through a file that only this user can read, for some tens of milliseconds. Does nothing where Node.js has no `process.execve`.
 */
export function hideSecrets(): void {
  takeOver();
  const isSecret = (name: string) => name.startsWith(SECRET_PREFIX) && !name.endsWith("_FILE");
  const [secrets, others] = [true, false].map((wanted) =>
    Object.fromEntries(Object.entries(process.env).filter(([name]) => isSecret(name) === wanted)),
  );
  if (taken || Object.keys(secrets ?? {}).length === 0 || process.execve === undefined) return;
  const file = join(mkdtempSync(join(tmpdir(), "submitqueue-")), "handed-on.json");
  writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 });
  const program = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, program, { ...others, [HANDED_ON]: file });
}

let taken = false;

/** Secrets that were handed on become variables of `process.env`, which no other process can see. */
function takeOver(): void {
  const file = process.env[HANDED_ON];
  if (file === undefined) return;
  taken = true;
  delete process.env[HANDED_ON];
  Object.assign(process.env, z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(file, "utf8"))));
  rmSync(dirname(file), { recursive: true, force: true });
}
