import type { QueueConfig } from "../../contracts/queues.ts";
import type { Clients } from "../aws-clients.ts";
import type { Remains } from "./build-runner.ts";
import { githubChecksRemains } from "./github-checks-queues.ts";

/** By the type of a runner. A type that is not here leaves nothing behind, or has it removed by another hand: runway, the supervisor. */
const REMAINS: Readonly<Record<string, (clients: Clients) => (queue: QueueConfig) => Remains>> = {
  "github-checks": githubChecksRemains,
};

/** What builds of a queue have left behind. Undefined for a queue whose runner leaves nothing. */
export function remainsFor(clients: Clients): (queue: QueueConfig) => Remains | undefined {
  const wired = new Map<string, (queue: QueueConfig) => Remains>();
  return (queue) => {
    const { type } = queue.buildRunner;
    const remainsOf = wired.get(type) ?? REMAINS[type]?.(clients);
    if (remainsOf !== undefined) wired.set(type, remainsOf);
    return remainsOf?.(queue);
  };
}
