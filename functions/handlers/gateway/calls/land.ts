import type { FirstUse, ModeSet } from "../../../adapters/dynamodb/view-items.ts";
import type { BeforeLand } from "../../../adapters/dynamodb/view-store.ts";
import { IdempotencyKey, LandBody, LandQuery } from "../../../contracts/api/land-call.ts";
import { CodedError } from "../../../contracts/errors.ts";
import { hashOf } from "../../../contracts/hash.ts";
import { partsOfSqid, type QueueName, sqidOf } from "../../../contracts/ids.ts";
import type { Land } from "../../../contracts/messages/request-messages.ts";
import { openingOf, type Summary } from "../../../domain/request-log.ts";
import { knownTargets } from "../../../domain/touches.ts";
import type { Route } from "../../http.ts";
import type { Call } from "../../http-call.ts";
import { invalid } from "../../http-problem.ts";
import { requireRight } from "../access.ts";
import { acceptedEntry, announceLand } from "../announce.ts";
import { type Gateway, queueOf } from "../gateway.ts";
import { requireFewRefusals } from "../refusals.ts";
import { shown, timestamp } from "../shown.ts";
import { tryLand } from "./trials.ts";

/**
 * Land: asks for changes to be landed. BatchGetItem, and two writes: UpdateItem, PutItem; and SendMessage. With an Idempotency-Key, a
 * PutItem more; a repeat of a key costs two BatchGetItem, and redoes what the first try left undone. With `dryRun=true`, BatchGetItem and the
 * calls of `ask`: nothing is minted and nothing is logged. A BatchGetItem more for each change that was refused again and again.
 */
export const land = (gateway: Gateway): Route => ({
  method: "POST",
  path: "/v1/queues/{queue}/requests",
  takes: Object.keys(LandQuery.shape),
  answer: async (call) => {
    const { dryRun, wait = 0 } = call.query(LandQuery);
    const asked = parseLand(gateway, call);
    if (dryRun === "true") {
      await requireTaken(gateway, asked, await known(gateway, asked));
      return tryLand(gateway, call, asked, wait);
    }
    const key = call.header("Idempotency-Key", IdempotencyKey);
    const summary =
      key === undefined
        ? await accept(gateway, await mint(gateway, asked, await known(gateway, asked)))
        : await landIdempotently(gateway, asked, key);
    const location = `${call.prefix}/v1/queues/${summary.queue}/requests/${summary.number}`;
    return { status: 202, headers: { location }, body: shown(summary) };
  },
});

type Asked = Pick<Land, "queue" | "changes" | "strategy" | "priority" | "targets" | "caller" | "retryReason">;

/** What the call asks for. Nothing is written before this has passed. */
function parseLand(gateway: Gateway, call: Call): Asked {
  const config = queueOf(gateway, call);
  const { name: queue, strategy: usual, maxPriority } = config;
  const { changes, strategy = usual, priority = 0, targets: named, reason } = call.body(LandBody);
  // More of them would not fit into the message to the orchestrator, which takes them for not known.
  const targets = knownTargets(named);
  if (strategy === "PROMOTE" && changes.length > 1)
    throw invalid([{ at: "/changes", message: "PROMOTE moves the trunk to one change: name exactly one" }]);
  if (priority > maxPriority) throw invalid([{ at: "/priority", message: boundOf(queue, maxPriority) }]);
  requireRight(config, call.caller, "land");
  if (priority > 0) requireRight(config, call.caller, "priority");
  return {
    queue,
    changes,
    strategy,
    ...(priority === 0 ? {} : { priority }),
    ...(targets === undefined ? {} : { targets: [...new Set(targets)].sort() }),
    caller: call.caller,
    ...(reason === undefined ? {} : { retryReason: reason }),
  };
}

/** What priorities the queue takes, for a caller who asked for another. */
export const boundOf = (queue: QueueName, maxPriority: number): string =>
  maxPriority === 0
    ? `queue ${queue} takes no priority but 0, as its maxPriority says`
    : `queue ${queue} takes priorities from 0 to ${maxPriority}`;

const known = ({ view, now }: Gateway, { queue, changes }: Asked, key?: string): Promise<BeforeLand> =>
  view.beforeLand(queue, { key, changes }, now());

/** Throws queue.draining, land.refused_too_often. */
async function requireTaken(gateway: Gateway, asked: Asked, { mode, refused }: BeforeLand): Promise<void> {
  await requireFewRefusals(gateway, asked, refused);
  if (mode?.mode === "draining") throw new CodedError("queue.draining", isDraining(mode));
}

/** Throws as requireTaken. */
async function mint(gateway: Gateway, asked: Asked, before: BeforeLand): Promise<Land> {
  const { view, now } = gateway;
  await requireTaken(gateway, asked, before);
  const { number, receivedAt } = await view.mint(asked.queue, now());
  return { v: 1, kind: "land", ...asked, sqid: sqidOf(asked.queue, number), receivedAt };
}

const isDraining = ({ queue, since, note }: ModeSet): string =>
  [
    `Queue ${queue} has been draining since ${timestamp(since)}${note === undefined ? "" : ` (${note})`}:`,
    "it lands what it holds and takes nothing new.",
    `Land again once it has been resumed (POST /v1/queues/${queue}/resume), or in another queue.`,
  ].join(" ");

/**
 * Once the summary is written the request is accepted: after a crash, `sweep` finishes what is left of a request that the orchestrator has not
 * answered. So what fails after it is logged, and not the caller's concern. Before it, nothing can be seen of the request.
 */
async function accept(gateway: Gateway, message: Land): Promise<Summary> {
  const { view } = gateway;
  const { queue, n } = partsOfSqid(message.sqid);
  const opening = openingOf(message, n, acceptedEntry(message));
  const current = (await view.createSummary(opening)) ? opening : await view.summary(queue, n);
  await announce(gateway, message);
  return current ?? opening;
}

/** A caller of an accepted request waits for so long until the request is announced. */
const PATIENCE_MS = 5_000;

async function announce(gateway: Gateway, message: Land): Promise<void> {
  const leave = (why: object) =>
    gateway.log.warn({ sqid: message.sqid, ...why }, "accepted, and left to the sweep to announce");
  const { promise: patience, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    leave({ afterMs: PATIENCE_MS });
    resolve();
  }, PATIENCE_MS);
  const announced = announceLand(gateway, message).catch((error: unknown) => leave({ err: error }));
  await Promise.race([announced, patience]).finally(() => clearTimeout(timer));
}

/** The request that the key stands for: begun by this call, or by an earlier one that asked for the same. Throws request.idempotency_conflict. */
async function landIdempotently(gateway: Gateway, asked: Asked, key: string): Promise<Summary> {
  const { view, now } = gateway;
  const { kind = "", name = "" } = asked.caller ?? {};
  const { targets } = asked;
  const more = targets === undefined ? [] : [hashOf("targets", ...targets)];
  const hash = hashOf("land", asked.queue, kind, name, asked.strategy, asked.priority ?? 0, ...asked.changes, ...more);
  const before = await known(gateway, asked, key);
  if (before.first !== undefined) return replay(gateway, before.first, hash);
  const message = await mint(gateway, asked, before);
  if (await view.claimKey(asked.queue, key, { land: message, hash }, now())) return accept(gateway, message);
  return replay(gateway, await winnerOf(gateway, asked, key), hash);
}

/** Two calls with one new key at once: one of them claims it. */
async function winnerOf(gateway: Gateway, asked: Asked, key: string): Promise<FirstUse> {
  const { first: use } = await known(gateway, asked, key);
  if (use === undefined) throw new CodedError("store.version_conflict", "the idempotency key has just expired");
  return use;
}

async function replay(gateway: Gateway, first: FirstUse, hash: string): Promise<Summary> {
  if (first.hash !== hash)
    throw new CodedError(
      "request.idempotency_conflict",
      `This Idempotency-Key stands for ${first.land.sqid}, which asked for something else: use a new key.`,
    );
  const { queue, n } = partsOfSqid(first.land.sqid);
  const current = await gateway.view.summary(queue, n);
  if (current === undefined) return accept(gateway, first.land);
  if (!current.answered) await announce(gateway, first.land);
  return current;
}
