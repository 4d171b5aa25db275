import { open } from "node:fs/promises";
import { MAX_MESSAGE } from "../../functions/adapters/build-runner/build-runner.ts";
import { readIfThere } from "../../functions/adapters/build-runner/files.ts";
import { endOfText } from "../../functions/adapters/build-runner/output.ts";
import type { BuildFiles } from "./build-files.ts";
import { endMarked } from "./build-processes.ts";
import { Claim, type ProcessMark, Running, Verdict } from "./build-records.ts";
import { isAlive, signalGroup, startOf } from "./process-mark.ts";

/** Undefined when no supervisor has claimed the build. */
export async function readClaim(files: BuildFiles): Promise<Claim | undefined> {
  const claim = await readIfThere(files.claim);
  return claim === undefined ? undefined : Claim.parse(JSON.parse(claim));
}

/** Undefined while the build is running. A build whose supervisor is gone has its last processes killed. */
export async function verdictOf(files: BuildFiles, claim: Claim | undefined): Promise<Verdict | undefined> {
  const written = await readVerdict(files);
  if (written) return written;
  if (claim && (await isAlive(claim.supervisor))) return undefined;
  // It may have written its verdict and ended since the first look.
  const last = await readVerdict(files);
  if (last) return last;
  if (claim) {
    await killWhatIsLeft(files);
    await endMarked(claim.mark);
  }
  if ((await readIfThere(files.cancelled)) !== undefined) return { result: "cancelled", why: "it was cancelled." };
  return {
    result: "infrastructure",
    why: claim ? "it vanished without a result: its processes are gone." : "it was never started here.",
  };
}

async function readVerdict(files: BuildFiles): Promise<Verdict | undefined> {
  const verdict = await readIfThere(files.verdict);
  return verdict === undefined ? undefined : Verdict.parse(JSON.parse(verdict));
}

async function killWhatIsLeft(files: BuildFiles): Promise<void> {
  const running = await readIfThere(files.running);
  if (running === undefined) return;
  const leader: ProcessMark = Running.parse(JSON.parse(running));
  const started = await startOf(leader.pid);
  // A pid that lives on under another start time is another program's group. With no leader left, the rest of the group is ours.
  if (started === undefined || started === leader.started) signalGroup(leader.pid, "SIGKILL");
}

/** The last lines of a build's output, as plain text of at most MAX_MESSAGE characters; empty when there was none. */
export async function endOfOutput(files: BuildFiles): Promise<string> {
  const file = await open(files.output).catch(() => undefined);
  if (file === undefined) return "";
  try {
    const { size } = await file.stat();
    const length = Math.min(size, 4 * MAX_MESSAGE);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return endOfText(buffer.toString("utf8"));
  } finally {
    await file.close();
  }
}
