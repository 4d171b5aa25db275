import type { Logger } from "pino";
import type { EventSourceSpec } from "./deployment.ts";
import { type RetryDelay, startEventSource } from "./event-source.ts";
import type { Authorize } from "./iam.ts";
import type { Invoke, LocalFunctions } from "./local-functions.ts";
import type { Precedence } from "./precedence.ts";
import type { Topics } from "./topics.ts";

/** What feeding functions from queues takes. */
export interface Feeding {
  readonly functions: LocalFunctions;
  readonly topics: Topics;
  readonly invoke: Invoke;
  readonly authorize: Authorize;
  readonly log: Logger;
  readonly order: Precedence;
  readonly delay: RetryDelay | undefined;
}

/**
 * Starts to feed functions from their queues. `started` is called with each source once it runs, before the next one starts. Throws when a
 * function may not read its queue.
 */
export async function startEventSources(
  specs: readonly EventSourceSpec[],
  { functions, authorize, invoke, ...feed }: Feeding,
  started: (stop: () => Promise<void>) => void,
): Promise<void> {
  for (const spec of specs) {
    await checkRights(authorize, functions, spec);
    const source = startEventSource({ ...feed, spec, invoke: (event) => invoke(spec.functionArn, event) });
    started(() => source.stop());
  }
}

/** Lambda reads a queue with the rights of the function's role. Throws when the role lacks one. */
async function checkRights(authorize: Authorize, functions: LocalFunctions, source: EventSourceSpec): Promise<void> {
  const { spec } = functions.at(source.functionArn);
  for (const action of ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]) {
    const decision = await authorize(spec.roleArn, { action, resource: source.queueArn });
    if (!decision.allowed)
      throw new Error(`${spec.id} is fed by ${source.queueArn}, but may not ${action} ${decision.why}`);
  }
}
