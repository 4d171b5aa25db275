import type { QueueConfig } from "../../contracts/queues.ts";
import type { ChangeProvider } from "./change-provider.ts";
import { fakeProvider } from "./fake.ts";
import { type GitProviderOptions, gitProvider } from "./git.ts";

export type { ChangeProvider, TouchesResult } from "./change-provider.ts";

/** The change provider that the queue's configuration names. */
export function changeProviderFor(queue: QueueConfig, options: GitProviderOptions): ChangeProvider {
  switch (queue.changeProvider.type) {
    case "git":
      return gitProvider(queue, options);
    case "fake":
      return fakeProvider();
  }
}
