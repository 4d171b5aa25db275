/** Chunks that arrive, read one after the other. */
export class Inbox implements AsyncIterator<Buffer, string | undefined> {
  readonly #chunks: Buffer[] = [];
  readonly #readers: ((result: IteratorResult<Buffer, string | undefined>) => void)[] = [];
  #end: { readonly value: string | undefined } | undefined;
  readonly #closing = Promise.withResolvers<void>();

  /** Fulfilled once nothing more arrives. */
  get closed(): Promise<void> {
    return this.#closing.promise;
  }

  put(chunk: Buffer): void {
    const reader = this.#readers.shift();
    if (reader) reader({ done: false, value: chunk });
    else this.#chunks.push(chunk);
  }

  /** `problem`: the code of the operating system, when the program was not started. */
  close(problem?: string): void {
    this.#end = { value: problem };
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: problem });
    this.#closing.resolve();
  }

  next(): Promise<IteratorResult<Buffer, string | undefined>> {
    const chunk = this.#chunks.shift();
    if (chunk) return Promise.resolve({ done: false, value: chunk });
    if (this.#end) return Promise.resolve({ done: true, ...this.#end });
    return new Promise((resolve) => this.#readers.push(resolve));
  }
}
