import type { KnownQueues } from "../../../adapters/dynamodb/known-queues.ts";
import { CodedError } from "../../../contracts/errors.ts";
import type { QueueName } from "../../../contracts/ids.ts";
import type { QueueConfig } from "../../../contracts/queues.ts";

/**
 * The configuration of a queue: as it is, or as it last was for a queue that is not configured any more, whose running builds are still to be
 * watched and stopped. No call for a configured queue, one for any other. Throws queue.unknown when there never was such a queue.
 */
export const lastConfigs =
  (queues: ReadonlyMap<QueueName, QueueConfig>, known: Pick<KnownQueues, "get">) =>
  async (queue: QueueName): Promise<QueueConfig> => {
    const config = queues.get(queue) ?? (await known.get(queue))?.config;
    if (config === undefined) throw new CodedError("queue.unknown", `queue ${queue} is not configured`);
    return config;
  };
