import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { ProcessMark } from "./build-records.ts";

/** When the process was started, as an opaque string; undefined when there is none, or it has ended and was not yet waited for. */
export async function startOf(pid: number): Promise<string | undefined> {
  return process.platform === "linux" ? startFromProc(pid) : startFromPs(pid);
}

async function startFromProc(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The second field is the command in parentheses, and may hold both blanks and parentheses.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") return undefined;
    // Field 22 counts from boot, so it takes the boot to make it unique.
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
    return `${boot.trim()}/${rest[18]}`;
  } catch {
    return undefined;
  }
}

async function startFromPs(pid: number): Promise<string | undefined> {
  const { PATH } = process.env;
  try {
    const { stdout } = await promisify(execFile)("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
      env: { PATH, LC_ALL: "C", TZ: "UTC" },
    });
    const [, state = "", started] = /^\s*(\S+)\s+(.*\S)\s*$/.exec(stdout) ?? [];
    return state.startsWith("Z") ? undefined : started;
  } catch {
    return undefined;
  }
}

export const isAlive = async ({ pid, started }: ProcessMark): Promise<boolean> => (await startOf(pid)) === started;

/** Sends a signal to every process of the group. False when there is none left. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}
