import type { QueueConfig } from "../../contracts/queues.ts";
import { bounded } from "./bounds.ts";
import type { ChangeProvider } from "./change-provider.ts";
import { fakeProvider } from "./fake.ts";
import { type GitProviderOptions, gitProvider } from "./git.ts";

export type { ChangeProvider } from "./change-provider.ts";

/** The change provider that the queue's configuration names. Its answers are bounded. */
export function changeProviderFor(queue: QueueConfig, options: GitProviderOptions): ChangeProvider {
  const provider = configured(queue, options);
  return {
    async touches(changes) {
      const result = await provider.touches(changes);
      return result.kind === "touches" ? { kind: "touches", touches: bounded(result.touches) } : result;
    },
  };
}

function configured(queue: QueueConfig, options: GitProviderOptions): ChangeProvider {
  switch (queue.changeProvider?.type ?? "git") {
    case "git":
    case "github":
      return gitProvider(queue, options);
    case "fake":
      return fakeProvider();
  }
}
