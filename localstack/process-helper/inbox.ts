/** Chunks that arrive, read one after the other. */
export class Inbox implements AsyncIterator<Buffer> {
  readonly #chunks: Buffer[] = [];
  readonly #readers: ((result: IteratorResult<Buffer>) => void)[] = [];
  #isClosed = false;
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

  close(): void {
    this.#isClosed = true;
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined });
    this.#closing.resolve();
  }

  next(): Promise<IteratorResult<Buffer>> {
    const chunk = this.#chunks.shift();
    if (chunk) return Promise.resolve({ done: false, value: chunk });
    if (this.#isClosed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#readers.push(resolve));
  }
}
