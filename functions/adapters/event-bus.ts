import { setTimeout as delay } from "node:timers/promises";
import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { CodedError } from "../contracts/errors.ts";
import { EVENT_SOURCE, type LifecycleEvent } from "../contracts/lifecycle-event.ts";
import { AWS_LIMITS } from "../contracts/limits.ts";
import { asciiJson } from "../contracts/text.ts";
import { isTransient, translated } from "./aws-errors.ts";

export interface EventBus {
  /**
   * Publishes events: each at least once, in no order. Throws events.unavailable when an event was not taken, and may be taken later;
   * internal when EventBridge refuses it for good; config.invalid when there is no such bus. Events before it may have been published.
   */
  publish(events: readonly LifecycleEvent[]): Promise<void>;
}

/** How often an event that EventBridge did not take is sent before `publish` gives up. */
const ATTEMPTS = 3;

/** Codes of entries that come from EventBridge's own trouble. Any other says that the event itself is wrong. */
const PASSING = /Throttl|InternalFailure|InternalException|ServiceUnavailable|LimitExceeded/;

interface Entry {
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail: string;
  readonly EventBusName: string;
  readonly Time: Date;
}

/** One PutEvents per ten events or 256 KiB. Of a call that took only some of its events, the others are sent again. */
export const eventBridge = (client: EventBridgeClient, bus: string): EventBus => ({
  publish: async (events) => {
    for (const entries of callsFor(events.map((event) => entryOf(event, bus)))) await put(client, bus, entries);
  },
});

const entryOf = (event: LifecycleEvent, bus: string): Entry => ({
  Source: EVENT_SOURCE,
  DetailType: event.type,
  Detail: asciiJson(event),
  EventBusName: bus,
  Time: new Date(event.time),
});

/** EventBridge counts the text of an entry, and 14 bytes for its time. ASCII: one character is one byte. */
const sizeOf = ({ Source, DetailType, Detail }: Entry): number =>
  Source.length + DetailType.length + Detail.length + 14;

function callsFor(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const calls: Entry[][] = [];
  let bytes = 0;
  for (const entry of entries) {
    const last = calls.at(-1);
    if (last && last.length < AWS_LIMITS.eventsPerCall && bytes + sizeOf(entry) <= AWS_LIMITS.eventBytes) {
      last.push(entry);
      bytes += sizeOf(entry);
    } else {
      calls.push([entry]);
      bytes = sizeOf(entry);
    }
  }
  return calls;
}

async function put(client: EventBridgeClient, bus: string, entries: readonly Entry[]): Promise<void> {
  let left = entries;
  for (let attempt = 1; ; attempt++) {
    const failed = await putOnce(client, bus, left);
    const [first] = failed;
    if (first === undefined) return;
    const what = `${failed.length} of ${left.length} events were not taken by the bus ${bus}: ${first.why}`;
    if (failed.some(({ passing }) => !passing)) throw new CodedError("internal", what);
    if (attempt >= ATTEMPTS) throw new CodedError("events.unavailable", what);
    left = failed.map(({ entry }) => entry);
    await delay(50 * 4 ** (attempt - 1));
  }
}

interface Failed {
  readonly entry: Entry;
  readonly why: string;
  readonly passing: boolean;
}

async function putOnce(client: EventBridgeClient, bus: string, entries: readonly Entry[]): Promise<readonly Failed[]> {
  const doing = `publishing on ${bus}`;
  try {
    const { Entries = [], FailedEntryCount = 0 } = await client.send(new PutEventsCommand({ Entries: [...entries] }));
    if (FailedEntryCount === 0) return [];
    return entries.flatMap((entry, index) => {
      const { ErrorCode, ErrorMessage = "" } = Entries[index] ?? { ErrorCode: "InternalFailure" };
      if (ErrorCode === undefined) return [];
      return [{ entry, why: `${ErrorCode} ${ErrorMessage}`.trim(), passing: PASSING.test(ErrorCode) }];
    });
  } catch (cause) {
    if (!isTransient(cause) && cause instanceof Error && /ResourceNotFound|AccessDenied/.test(cause.name))
      throw new CodedError("config.invalid", `${doing}: ${cause.name}: ${cause.message}`, { cause });
    throw translated(cause, "events.unavailable", doing);
  }
}
