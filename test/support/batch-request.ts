import { ChangeUri } from "../../functions/contracts/change-uri.ts";
import { type QueueName, RequestNumber, sqidOf } from "../../functions/contracts/ids.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import type { BatchRequest } from "../../functions/domain/batch.ts";

/** Request n of the queue, as its batch carries it: one change that touches file `a`. */
export const aBatchRequest = (queue: QueueName, n: number): BatchRequest => ({
  sqid: sqidOf(queue, RequestNumber.parse(n)),
  changes: [ChangeUri.parse(`git://host/repo/refs%2Fheads%2F${n}/${String(n).padStart(40, "0")}`)],
  strategy: "REBASE",
  receivedAt: epochMs(n),
  version: 3,
  touches: { paths: ["a"], files: 1, additions: 1, deletions: 0, authors: ["a@example.com"] },
});
