import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";

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

/**
 * A program that is spoken to. `output` ends with the program; at its end stands the code of the operating system, as `EMFILE`, when the
 * program was not started.
 */
export interface Dialogue {
  readonly output: AsyncIterator<Buffer, string | undefined>;
  write(text: string): Promise<void>;
  /** Ends the program, also one that is not done. */
  end(): Promise<void>;
}

/** Starts programs. */
export interface Processes {
  run(call: RunCall): Promise<ProgramEnd>;
  start(call: ProgramCall): Dialogue;
}

/** How many bytes the outputs of a program may have together. */
const MAX_OUTPUT = 512 * 1024 * 1024;

async function run({ file, args, directory, env, input, timeoutMs }: RunCall): Promise<ProgramEnd> {
  let timer: NodeJS.Timeout | undefined;
  let timedOut = false;
  try {
    const stdin = input === undefined ? "ignore" : "pipe";
    const child = spawn(file, args, { cwd: directory, env, stdio: [stdin, "pipe", "pipe"], detached: true });
    timer = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
    }, timeoutMs);
    const { stdout, stderr } = collect(child);
    // A program that has ended breaks the pipe.
    child.stdin?.on("error", () => undefined).end(input);
    const [exitCode, signal] = (await once(child, "close")) as [number, null] | [null, NodeJS.Signals];
    if (timedOut) return { kind: "timed-out" };
    if (signal !== null) return { kind: "signalled", signal, stderr: Buffer.concat(stderr) };
    return { kind: "exited", exitCode, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
  } catch (error) {
    return { kind: "not-started", code: codeOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** The outputs, filled as they arrive. A program that says more than MAX_OUTPUT is killed. */
function collect({ stdout, stderr, pid }: ChildProcess): { stdout: readonly Buffer[]; stderr: readonly Buffer[] } {
  let length = 0;
  const chunksOf = (stream: Readable | null): readonly Buffer[] => {
    const chunks: Buffer[] = [];
    stream?.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_OUTPUT) killGroup(pid);
      else chunks.push(chunk);
    });
    return chunks;
  };
  return { stdout: chunksOf(stdout), stderr: chunksOf(stderr) };
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown";

/** The codes of a system that is short of processes, files or memory for now. */
const SHORTAGES: ReadonlySet<string> = new Set(["EAGAIN", "EMFILE", "ENFILE", "ENOMEM"]);

/** True when a program that was not started with this code may be started later. */
export const isShortage = (code: string): boolean => SHORTAGES.has(code);

function start(call: ProgramCall): Dialogue {
  try {
    return dialogueWith(spawn(call.file, call.args, optionsOf(call)));
  } catch (error) {
    return noDialogue(Promise.resolve(codeOf(error)));
  }
}

const optionsOf = ({ directory, env }: ProgramCall) =>
  ({ cwd: directory, env, stdio: ["pipe", "pipe", "ignore"] }) satisfies SpawnOptions;

function dialogueWith(child: ChildProcess): Dialogue {
  const { stdin, stdout } = child;
  const problem = new Promise<string>((resolve) => child.once("error", (error) => resolve(codeOf(error))));
  // A system that is short of files has given the child no pipes.
  if (!stdin || !stdout) return noDialogue(problem);
  const closed = new Promise<undefined>((resolve) => child.once("close", () => resolve(undefined)));
  // A program that has ended breaks the pipe: the reader of its output learns that.
  stdin.on("error", () => undefined);
  return {
    output: outputOf(stdout, Promise.race([problem, closed])),
    write: async (text) => {
      if (!stdin.write(text) && !stdin.destroyed)
        await Promise.race([once(stdin, "drain"), closed]).catch(() => undefined);
    },
    end: async () => {
      stdin.end();
      child.kill("SIGKILL");
      await closed;
    },
  };
}

/** Of a program that was not started, the output ends at once. */
const noDialogue = (problem: Promise<string>): Dialogue => ({
  output: { next: async () => ({ done: true, value: await problem }) },
  write: async () => undefined,
  end: async () => undefined,
});

function outputOf(stdout: Readable, end: Promise<string | undefined>): Dialogue["output"] {
  const chunks = stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  return {
    next: async () => {
      const next = await chunks.next();
      return next.done === true ? { done: true, value: await end } : next;
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
