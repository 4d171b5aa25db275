import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import type { Logger } from "pino";
import * as z from "zod";
import { LifecycleEvent } from "../../functions/contracts/lifecycle-event.ts";
import { AWS_LIMITS } from "../../functions/contracts/limits.ts";
import { ACCOUNT, REGION } from "../../lib/cloudformation/resolver.ts";
import { AwsError } from "./aws-error.ts";
import type { Deployment, RuleTarget } from "./deployment.ts";
import { type Matcher, matcherOf } from "./event-pattern.ts";

export interface EventBus {
  /** Answers PutEvents. Throws AwsError. */
  answer(operation: string, input: object): Promise<object>;
  /** Hands an event of an AWS service, which has a bus of its own in each account, to the targets of the rules that match. */
  emit(event: object): Promise<void>;
  /** Calls the listener with every lifecycle event from now on. Answers a function that ends it. */
  subscribe(listener: (event: LifecycleEvent) => void): () => void;
}

/** Where the events of a rule go. */
export interface Targets {
  readonly toQueue: (arn: string, body: string) => Promise<void>;
  readonly toFunction: (arn: string, event: unknown) => Promise<unknown>;
  readonly log: Logger;
}

const PutEvents = z.looseObject({
  Entries: z
    .array(
      z.looseObject({
        Source: z.string(),
        DetailType: z.string(),
        Detail: z.string(),
        EventBusName: z.string().default("default"),
        Time: z.number().optional(),
        Resources: z.array(z.string()).default([]),
      }),
    )
    .min(1),
});
type Entry = z.infer<typeof PutEvents>["Entries"][number];

/**
 * The event buses of the stacks, in this process. Each event is a line of JSON in `file`, and goes to the targets of the rules that match.
 * A queue has the event before PutEvents answers; a function is called afterwards, and a call that fails is logged. Throws for a pattern
 * that is not understood here.
 */
export function openEventBus({ buses, rules }: Deployment, file: string, targets: Targets): EventBus {
  const compiled = rules.map((rule) => ({ ...rule, matches: matcherOf(rule.pattern) }));
  const listeners = new Set<(event: LifecycleEvent) => void>();

  async function handOut(event: object, onBus: string): Promise<void> {
    for (const { bus, matches, targets: to } of compiled)
      if (bus === onBus && (matches as Matcher)(event)) for (const target of to) await deliver(target, event, targets);
  }

  async function put(entry: Entry): Promise<object> {
    const detail = parsed(entry.Detail);
    if (detail === undefined) return { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." };
    const event = eventOf(entry, detail);
    appendFileSync(file, `${JSON.stringify(detail)}\n`, { mode: 0o600 });
    await handOut(event, entry.EventBusName);
    const lifecycle = LifecycleEvent.safeParse(detail);
    if (lifecycle.success) for (const listener of listeners) listener(lifecycle.data);
    return { EventId: event.id };
  }

  return {
    answer: async (operation, input) => {
      if (operation !== "PutEvents") throw new AwsError("UnknownOperationException", `${operation} is not known here`);
      const { success, data, error } = PutEvents.safeParse(input);
      if (!success) throw new AwsError("ValidationException", error.message);
      checkSize(data.Entries);
      for (const { EventBusName } of data.Entries)
        if (!buses.includes(EventBusName))
          throw new AwsError("ResourceNotFoundException", `Event bus ${EventBusName} does not exist.`);
      const Entries: object[] = [];
      for (const entry of data.Entries) Entries.push(await put(entry));
      return { FailedEntryCount: Entries.filter((entry) => "ErrorCode" in entry).length, Entries };
    },
    emit: (event) => handOut(event, "default"),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function checkSize(entries: readonly Entry[]): void {
  if (entries.length > AWS_LIMITS.eventsPerCall)
    throw new AwsError("ValidationException", `PutEvents takes at most ${AWS_LIMITS.eventsPerCall} entries`);
  const bytes = entries.reduce((sum, { Source, DetailType, Detail }) => {
    return sum + Buffer.byteLength(Source) + Buffer.byteLength(DetailType) + Buffer.byteLength(Detail) + 14;
  }, 0);
  if (bytes > AWS_LIMITS.eventBytes)
    throw new AwsError("ValidationException", `Total size of the entries in the request is over the limit: ${bytes}`);
}

function parsed(detail: string): object | undefined {
  try {
    const value: unknown = JSON.parse(detail);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The event as EventBridge hands it to rules and targets. */
const eventOf = ({ Source, DetailType, Time, Resources }: Entry, detail: object) => ({
  version: "0",
  id: randomUUID(),
  "detail-type": DetailType,
  source: Source,
  account: ACCOUNT,
  time: new Date(Time === undefined ? Date.now() : Time * 1_000).toISOString().replace(/\.\d+Z$/, "Z"),
  region: REGION,
  resources: Resources,
  detail,
});

async function deliver({ arn, inputPath }: RuleTarget, event: object, to: Targets): Promise<void> {
  const input = inputPath === undefined ? event : inputPath.split(".").slice(1).reduce<unknown>(stepInto, event);
  if (arn.split(":")[2] === "sqs") return to.toQueue(arn, JSON.stringify(input));
  to.toFunction(arn, input).catch((err: unknown) => to.log.warn({ err, arn }, "a target of an event failed"));
}

const stepInto = (value: unknown, name: string): unknown => (value as Readonly<Record<string, unknown>>)[name];
