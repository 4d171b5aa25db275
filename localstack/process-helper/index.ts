import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Dialogue, Processes, ProgramCall, ProgramEnd, RunCall } from "../../functions/adapters/processes.ts";
import { Inbox } from "./inbox.ts";
import type { Answer, Order } from "./messages.ts";

type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

/**
 * Starts programs by a small process of its own, so that a large process does not stop for each of them. The helper is started with the
 * first program, again when it was lost, and ends with this process. It keeps no process alive that has nothing else to do.
 */
export class ProcessHelper implements Processes {
  #child: ChildProcess | undefined;
  #last = 0;
  readonly #runs = new Map<number, (end: ProgramEnd) => void>();
  readonly #dialogues = new Map<number, Inbox>();

  run(call: RunCall): Promise<ProgramEnd> {
    return new Promise((resolve) => this.#runs.set(this.#order({ kind: "run", call }), resolve));
  }

  start(call: ProgramCall): Dialogue {
    const inbox = new Inbox();
    const id = this.#order({ kind: "start", call });
    this.#dialogues.set(id, inbox);
    return {
      output: inbox,
      write: async (text) => this.#send({ kind: "write", id, text }),
      end: async () => {
        if (this.#dialogues.has(id)) this.#send({ kind: "end", id });
        await inbox.closed;
      },
    };
  }

  /** Ends the helper. The next program starts another one. */
  stop(): void {
    this.#child?.disconnect();
  }

  #order(order: WithoutId<Extract<Order, { kind: "run" | "start" }>>): number {
    const id = ++this.#last;
    this.#send({ ...order, id } as Order);
    return id;
  }

  #send(order: Order): void {
    const child = this.#helper();
    child.channel?.ref();
    child.send(order, () => undefined);
  }

  #helper(): ChildProcess {
    if (this.#child) return this.#child;
    const program = fileURLToPath(new URL("./helper.ts", import.meta.url));
    const child = fork(program, [], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      execArgv: [],
    });
    child.on("message", (answer: Answer) => this.#hear(answer));
    child.once("disconnect", () => this.#lose(child));
    child.once("error", () => this.#lose(child));
    child.unref();
    this.#child = child;
    return child;
  }

  #hear(answer: Answer): void {
    if (answer.kind === "output") this.#dialogues.get(answer.id)?.put(Buffer.from(answer.bytes));
    else if (answer.kind === "ended") {
      this.#runs.get(answer.id)?.(withBuffers(answer.end));
      this.#runs.delete(answer.id);
    } else {
      this.#dialogues.get(answer.id)?.close(answer.problem);
      this.#dialogues.delete(answer.id);
    }
    if (this.#runs.size + this.#dialogues.size === 0) this.#child?.channel?.unref();
  }

  /** Answers nothing more about the programs that this helper has started. */
  #lose(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    for (const resolve of this.#runs.values()) resolve({ kind: "lost" });
    for (const inbox of this.#dialogues.values()) inbox.close();
    this.#runs.clear();
    this.#dialogues.clear();
  }
}

/** The helper of this process. */
export const processHelper = new ProcessHelper();

/** A buffer arrives as plain bytes. */
function withBuffers(end: ProgramEnd): ProgramEnd {
  if (end.kind === "exited") return { ...end, stdout: bufferOf(end.stdout), stderr: bufferOf(end.stderr) };
  return end.kind === "signalled" ? { ...end, stderr: bufferOf(end.stderr) } : end;
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
