import { CodedError } from "../../contracts/errors.ts";
import type { GitSha } from "../../contracts/ids.ts";
import type { GitObject } from "./objects.ts";
import type { StartsGit } from "./process.ts";

/** Reads objects one after the other, each when the one before has said which: one git process, however many. */
export class ObjectReader {
  readonly #process: ReturnType<StartsGit["start"]>;
  readonly #chunks: AsyncIterator<Buffer>;
  #unread: Buffer = Buffer.alloc(0);

  constructor(repository: StartsGit) {
    this.#process = repository.start(["cat-file", "--batch"]);
    this.#chunks = this.#process.output;
  }

  /** Undefined when there is no such object. Throws repository.failed when git can't read it, or is gone. */
  async read(name: string): Promise<GitObject | undefined> {
    await this.#process.write(`${name}\n`);
    const line = await this.#take((bytes) => bytes.indexOf(10) + 1);
    const [sha = "", type = "", size] = line.toString("latin1").trimEnd().split(" ");
    if (type === "missing") return undefined;
    const length = Number(size);
    if (!/^[0-9a-f]{40}$/.test(sha) || !Number.isInteger(length))
      throw new CodedError("repository.failed", `git could not look for ${name}: ${type}`);
    const body = await this.#take((bytes) => (bytes.length > length ? length + 1 : 0));
    return { sha: sha as GitSha, type, body: body.subarray(0, length) };
  }

  /** Ends the process. */
  close(): Promise<void> {
    return this.#process.end();
  }

  /** As many bytes as `enough` says of what has come; 0 is: not enough. */
  async #take(enough: (bytes: Buffer) => number): Promise<Buffer> {
    for (;;) {
      const count = enough(this.#unread);
      if (count > 0) {
        const taken = this.#unread.subarray(0, count);
        this.#unread = this.#unread.subarray(count);
        return taken;
      }
      const { done, value } = await this.#chunks.next();
      if (done) throw new CodedError("repository.failed", "git cat-file ended before it had answered");
      this.#unread = Buffer.concat([this.#unread, value]);
    }
  }
}
