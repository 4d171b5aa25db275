import type { QueueClient } from "../client.ts";

/** What the command line does with the simulator, where there is one: a package of the client alone has none. */
export interface Simulator {
  /** Runs the simulator with its own flags. The promise is the exit code. */
  readonly simulate: (args: readonly string[]) => Promise<number>;
  /** The history of a queue, a change per document. `leftOut` is called with a sentence for users about the requests that the history leaves out. */
  readonly history: (
    queue: QueueClient,
    window: HistoryWindow,
    leftOut: (notice: string) => void,
  ) => AsyncIterable<object>;
}

/** Of requests, by when they were received. */
export interface HistoryWindow {
  readonly since?: string;
  readonly until?: string;
}
