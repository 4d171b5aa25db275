import { LOST, retryOnConflict } from "../../../adapters/dynamodb/retry-on-conflict.ts";
import type { ModeSet } from "../../../adapters/dynamodb/view-items.ts";
import { ModeBody, ResumeBody } from "../../../contracts/api/queue-calls.ts";
import type { QueueName } from "../../../contracts/ids.ts";
import type { QueueMode } from "../../../contracts/queues.ts";
import { epochMs, isAhead } from "../../../contracts/time.ts";
import type { Route } from "../../http.ts";
import type { Call } from "../../http-call.ts";
import { requireRight } from "../access.ts";
import { announceMode } from "../announce.ts";
import { type Gateway, queueOf } from "../gateway.ts";
import { shownQueue } from "../shown.ts";

/** Pause: nothing new lands; building goes on. What runway has been told to land may still do so. GetItem, two PutItem, two SendMessage. */
export const pause = (gateway: Gateway): Route => setting(gateway, "pause", "paused", noteIn);

/** Drain: no new request is taken, and the requests that are there land. GetItem, two PutItem, two SendMessage. */
export const drain = (gateway: Gateway): Route => setting(gateway, "drain", "draining", noteIn);

/** Resume: ends a pause or a drain. GetItem, two PutItem, two SendMessage. */
export const resume = (gateway: Gateway): Route =>
  setting(gateway, "resume", "open", (call) => {
    call.body(ResumeBody, {});
    return undefined;
  });

const noteIn = (call: Call): string | undefined => call.body(ModeBody, {}).note?.trim() || undefined;

/** The call that sets a queue to `mode`. A repeat changes nothing, and tells the orchestrator again. */
const setting = (
  gateway: Gateway,
  verb: string,
  mode: QueueMode,
  noteOf: (call: Call) => string | undefined,
): Route => ({
  method: "POST",
  path: `/v1/queues/{queue}/${verb}`,
  answer: async (call) => {
    const config = queueOf(gateway, call);
    const note = noteOf(call);
    requireRight(config, call.caller, "operate");
    const set = await setMode(gateway, config.name, { mode, note, caller: call.caller.name });
    if (set) await tell(gateway, set);
    return { status: 202, body: shownQueue(config, set) };
  },
});

/** Sets the mode, and answers the stored one. Undefined when the queue is open and its mode was never set. Throws store.version_conflict. */
function setMode(
  { view, now }: Gateway,
  queue: QueueName,
  { mode, note, caller }: { readonly mode: QueueMode; readonly note: string | undefined; readonly caller: string },
): Promise<ModeSet | undefined> {
  return retryOnConflict(`the mode of ${queue}`, async () => {
    const before = await view.mode(queue);
    const isSo = (before?.mode ?? "open") === mode;
    if (isSo && before?.note === note) return before;
    const at = now();
    // The clock of the instance that wrote the mode before may be a little ahead of this one's.
    const latest = before === undefined || isAhead(before.since, at) ? at : Math.max(at, before.since);
    const since = isSo && before ? before.since : epochMs(latest);
    const version = (before?.version ?? 0) + 1;
    const next: ModeSet = { queue, mode, ...(note === undefined ? {} : { note }), caller, since, version };
    return (await view.setMode(next)) ? next : LOST;
  });
}

/** Announces the mode. A failure is logged and not thrown, since the sweep announces the mode again. */
async function tell(gateway: Gateway, set: ModeSet): Promise<void> {
  await announceMode(gateway, set).catch((error: unknown) => {
    gateway.log.warn({ queue: set.queue, mode: set.mode, err: error }, "set, and left to the sweep to tell");
  });
}
