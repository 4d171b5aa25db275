import type { Sqid } from "../../../contracts/ids.ts";
import { type LogEvent, statusEvent } from "../../../contracts/log-event.ts";
import type { EpochMs } from "../../../contracts/time.ts";

/** The log entry that a request was started: the same each time. Empty when the time of the start is not known. */
export const startedEntries = (
  { sqid }: { readonly sqid: Sqid },
  started: { readonly at: EpochMs } | undefined,
): readonly LogEvent[] => (started === undefined ? [] : [statusEvent(sqid, "started", started.at, { version: 1 })]);
