import type { Sqid } from "../../../contracts/ids.ts";
import { type LogEvent, statusEvent } from "../../../contracts/log-event.ts";
import type { EpochMs } from "../../../contracts/time.ts";

/** The log's entry of a request that was started: the same each time. Empty when it is not known when that was. */
export const startedEntries = (
  { sqid }: { readonly sqid: Sqid },
  started: { readonly at: EpochMs } | undefined,
): readonly LogEvent[] => (started === undefined ? [] : [statusEvent(sqid, "started", started.at, { version: 1 })]);
