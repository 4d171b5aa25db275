import { CodedError } from "../../contracts/errors.ts";
import type { GitSha } from "../../contracts/ids.ts";
import type { Dialogue } from "../processes.ts";
import { notStarted } from "./process.ts";

/** An object of the repository. */
export interface GitObject {
  readonly sha: GitSha;
  readonly type: string;
  /** As stored, without git's header. */
  readonly body: Buffer;
}

/** How long git may take for one answer. */
const ANSWER_MS = 120_000;
/** After this long without a reading, a reader ends its process. */
const IDLE_MS = 5_000;

/**
 * Reads objects of one repository by one `git cat-file --batch`, which stays open for all readings and sees objects that were written or
 * fetched after its start. Readings are answered one after the other.
 */
export class ObjectReader {
  readonly #start: () => Dialogue;
  #open: { readonly dialogue: Dialogue; readonly output: Chunks } | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #idle: NodeJS.Timeout | undefined;

  /** `start` starts `git cat-file --batch` in the repository. */
  constructor(start: () => Dialogue) {
    this.#start = start;
  }

  /** Undefined when there is no such object. Throws as readAll. */
  async read(name: string): Promise<GitObject | undefined> {
    return (await this.readAll([name])).get(name);
  }

  /**
   * Objects by any name that git resolves. A name is absent when there is no such object. Not meant for blobs, whose size has no bound.
   * Throws repository.failed when git can't read an object, or is gone, and what `notStarted` says when git can't be started.
   */
  async readAll(names: readonly string[]): Promise<ReadonlyMap<string, GitObject>> {
    if (names.length === 0) return new Map();
    this.#waiting += 1;
    clearTimeout(this.#idle);
    const reading = this.#last.then(() => this.#answersTo(names));
    this.#last = reading.catch(() => this.close());
    try {
      return await reading;
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref();
    }
  }

  /** Ends the process. The next reading starts another one. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.dialogue.end();
  }

  async #answersTo(names: readonly string[]): Promise<ReadonlyMap<string, GitObject>> {
    const { dialogue, output } = this.#opened();
    const timer = setTimeout(() => void this.close(), ANSWER_MS * names.length);
    const found = new Map<string, GitObject>();
    try {
      // Names are written while answers are read, so that neither process waits for the other with a full pipe.
      const written = dialogue.write(`${names.join("\n")}\n`);
      for (const name of names) {
        const object = await answerIn(output, name);
        if (object) found.set(name, object);
      }
      await written;
      return found;
    } finally {
      clearTimeout(timer);
    }
  }

  #opened() {
    if (this.#open) return this.#open;
    const dialogue = this.#start();
    this.#open = { dialogue, output: new Chunks(dialogue.output) };
    return this.#open;
  }
}

async function answerIn(output: Chunks, name: string): Promise<GitObject | undefined> {
  const [sha = "", type = "", size] = (await output.line()).toString("latin1").split(" ");
  if (type === "missing") return undefined;
  const length = Number(size);
  // Such as "<name> ambiguous": git has not looked for the object, so it is not known to be absent.
  if (size === undefined || !/^[0-9a-f]{40}$/.test(sha) || !Number.isInteger(length))
    throw new CodedError("repository.failed", `git could not look for ${name}: ${type}`);
  const body = await output.bytes(length + 1);
  return { sha: sha as GitSha, type, body: body.subarray(0, length) };
}

const NEWLINE = 10;

/** A stream of bytes, taken by lines and lengths. Throws repository.failed when the stream ends before that, or why git was not started. */
class Chunks {
  readonly #source: Dialogue["output"];
  #unread: Buffer = Buffer.alloc(0);

  constructor(source: Dialogue["output"]) {
    this.#source = source;
  }

  /** The next line, without its newline. */
  async line(): Promise<Buffer> {
    let end = this.#unread.indexOf(NEWLINE);
    while (end < 0) {
      this.#unread = Buffer.concat([this.#unread, await this.#next()]);
      end = this.#unread.indexOf(NEWLINE);
    }
    return (await this.bytes(end + 1)).subarray(0, end);
  }

  async bytes(count: number): Promise<Buffer> {
    const parts = [this.#unread];
    let length = this.#unread.length;
    while (length < count) {
      const chunk = await this.#next();
      parts.push(chunk);
      length += chunk.length;
    }
    const all = parts.length === 1 ? this.#unread : Buffer.concat(parts, length);
    this.#unread = all.subarray(count);
    return all.subarray(0, count);
  }

  async #next(): Promise<Buffer> {
    const { done, value } = await this.#source.next();
    if (!done) return value;
    if (value !== undefined) throw notStarted("cat-file", value);
    throw new CodedError("repository.failed", "git cat-file ended before it had answered");
  }
}
