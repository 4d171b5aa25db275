import type { Awaited } from "../../contracts/change-provider.ts";
import type { PullRow } from "../../contracts/github.ts";
import type { Status } from "../../contracts/log-event.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import { cancelRequest, holderOf } from "./cancel.ts";
import { asked, wasRefused } from "./gateway-calls.ts";
import { configOf } from "./land.ts";
import { isBeingLanded } from "./own-move.ts";
import type { Service } from "./service.ts";

/** A request that is further on than admission, and has not begun to land: a review that is withdrawn takes it out. */
const IN_QUEUE: readonly Status[] = ["validated", "batching", "batched", "speculating", "speculated"];

/**
 * Follows a review, or a check, that has come or gone. An open request that is in admission looks at once at what it waits for; one that is
 * in the queue is cancelled when its review was withdrawn, so that no more builds are spent on it. One call of the gateway, and one of
 * GitHub for a review of a request in the queue; none where no request is open, or for a check that the queue does not wait for. A repeat
 * changes nothing.
 */
export async function recheck(service: Service, row: PullRow, what: Awaited): Promise<void> {
  const holder = await holderOf(service, row);
  const wanted = holder?.asked;
  if (holder === undefined || wanted?.sqid === undefined) return;
  const queue = configOf(service, row, wanted);
  if (queue === undefined || (what === "checks" && !waitsForChecks(queue))) return;
  const found = await asked(service.gateway.queue(wanted.queue).recheck(wanted.sqid));
  if (wasRefused(found) || what === "checks" || !IN_QUEUE.includes(found.status)) return;
  const obstacle = await service.obstacle(queue, wanted.changes);
  if (obstacle === undefined) return;
  // A push of the queue itself makes GitHub dismiss reviews, too.
  if (await isBeingLanded(await service.github(row.repository), queue, wanted)) return;
  await cancelRequest(service, holder, wanted, obstacle.message);
}

const waitsForChecks = ({ changeProvider }: QueueConfig): boolean =>
  changeProvider?.type === "github" && changeProvider.waitFor.includes("checks");
