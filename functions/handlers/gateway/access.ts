import type { Caller } from "../../contracts/caller.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import { mayDo, patternsOf, type Right } from "../../domain/access.ts";

const DOING: Readonly<Record<Right, string>> = {
  land: "land changes in",
  cancelOthers: "cancel requests of other callers in",
  priority: "set priorities in",
  operate: "pause, drain or resume",
};

/** Throws caller.not_allowed unless the caller has the right in the queue. */
export function requireRight(config: QueueConfig, caller: Caller, right: Right): void {
  if (mayDo(config.access, caller, right)) return;
  const patterns = patternsOf(config.access, right);
  const who = patterns.length === 0 ? "no caller" : patterns.join(", ");
  throw new CodedError(
    "caller.not_allowed",
    `${caller.name} may not ${DOING[right]} queue ${config.name}. The queue's access.${right} in queues.yaml names who may: ${who}.`,
  );
}
