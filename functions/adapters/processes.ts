import { once } from "node:events";
import { execa } from "execa";

/** A program, and all that it is told of its surroundings: nothing is inherited. */
export interface ProgramCall {
  readonly file: string;
  readonly args: readonly string[];
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A program that is run to its end. Without `input` it reads nothing. */
export interface RunCall extends ProgramCall {
  /** After so many milliseconds the program is stopped, with the processes that it started. */
  readonly timeoutMs: number;
  readonly input?: string | Uint8Array | undefined;
}

/** How a program ended. The text of `not-started` is a code of the operating system, as `ENOENT`. */
export type ProgramEnd =
  | { readonly kind: "exited"; readonly exitCode: number; readonly stdout: Buffer; readonly stderr: Buffer }
  | { readonly kind: "signalled"; readonly signal: string; readonly stderr: Buffer }
  | { readonly kind: "timed-out" }
  | { readonly kind: "not-started"; readonly code: string }
  /** The process that started the program has ended: how the program ends is not known. */
  | { readonly kind: "lost" };

/** A program that is spoken to. `output` ends with the program. */
export interface Dialogue {
  readonly output: AsyncIterator<Buffer>;
  write(text: string): Promise<void>;
  /** Ends the program, also one that is not done. */
  end(): Promise<void>;
}

/** Starts programs. */
export interface Processes {
  run(call: RunCall): Promise<ProgramEnd>;
  start(call: ProgramCall): Dialogue;
}

const MAX_OUTPUT = 512 * 1024 * 1024;

async function run({ file, args, directory, env, input, timeoutMs }: RunCall): Promise<ProgramEnd> {
  const child = execa(file, args, {
    cwd: directory,
    env,
    extendEnv: false,
    ...(input === undefined ? { stdin: "ignore" as const } : { input }),
    encoding: "buffer",
    stripFinalNewline: false,
    reject: false,
    maxBuffer: MAX_OUTPUT,
    detached: true,
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
  }, timeoutMs);
  const result = await child.finally(() => clearTimeout(timer));
  const stderr = Buffer.from(result.stderr ?? []);
  if (timedOut) return { kind: "timed-out" };
  if (result.exitCode !== undefined)
    return { kind: "exited", exitCode: result.exitCode, stdout: Buffer.from(result.stdout), stderr };
  if (result.signal !== undefined) return { kind: "signalled", signal: result.signal, stderr };
  return { kind: "not-started", code: result.code ?? "unknown" };
}

function start({ file, args, directory, env }: ProgramCall): Dialogue {
  const child = execa(file, args, {
    cwd: directory,
    env,
    extendEnv: false,
    stdin: "pipe",
    stderr: "ignore",
    encoding: "buffer",
    buffer: false,
    reject: false,
  });
  // A program that has ended breaks the pipe: the reader of its output learns that.
  child.stdin.on("error", () => undefined);
  return {
    output: child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>,
    write: async (text) => {
      if (!child.stdin.write(text) && !child.stdin.destroyed)
        await Promise.race([once(child.stdin, "drain"), child]).catch(() => undefined);
    },
    end: async () => {
      child.stdin.end();
      child.kill("SIGKILL");
      await child;
    },
  };
}

/** A program leaves work to children, which hold its output open: so the whole group has to go, and not the first process alone. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

/**
 * Starts programs from this process. The start of a program stops the process for a time that grows with its memory (Linux copies its
 * page tables): on one machine 1.4 ms with 50 MB, 58 ms with 450 MB.
 */
export const ownProcesses: Processes = { run, start };

let current = ownProcesses;

/** What starts the programs of this process: `ownProcesses`, unless a process that holds much memory has named another. */
export const processes = (): Processes => current;

/** Has the programs of this process started by another one from here on. Returns what started them until then. */
export function startProcessesBy(other: Processes): Processes {
  const before = current;
  current = other;
  return before;
}
