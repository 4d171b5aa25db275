import type { LogEvent } from "../../contracts/log-event.ts";
import type { Reason } from "../../contracts/reasons.ts";
import { type Path, pathIsActive } from "../batch.ts";
import type { Draft } from "./draft.ts";
import { failed } from "./outcomes.ts";
import type { Command, CommandFailed } from "./plan.ts";

type CommandOf<K extends Command["kind"]> = Extract<Command, { kind: K }>;

/**
 * A command that can't be carried out, now or ever, ends the requests that it is about, for `reason`. The rest of the queue goes on. A
 * repeat changes nothing.
 */
export function commandFailed(draft: Draft, { command, reason }: CommandFailed): void {
  switch (command.kind) {
    case "start-build":
      buildNotStarted(draft, command, reason);
      return;
    case "land":
      landingNotSent(draft, command, reason);
      return;
    case "announce":
      for (const event of command.events) entryRefused(draft, event, reason);
      return;
  }
}

/**
 * The build counts as failed, which frees its slot. A batch that this leaves without a running or passed build ends. A bundle of several
 * batches does not end: like any bundle that failed, it is split, and its batches are built apart.
 */
function buildNotStarted(draft: Draft, { batchId, buildKey }: CommandOf<"start-build">, reason: Reason): void {
  const batch = draft.lookup(batchId);
  const path = batch?.paths.find((candidate) => candidate.buildKey === buildKey);
  if (!batch || !path || path.dispatched || !pathIsActive(path)) return;
  const ended: Path =
    path.state === "cancelling"
      ? { ...path, state: "cancelled", endedAt: draft.now }
      : { ...path, state: "failed", endedAt: draft.now, reason };
  const paths = batch.paths.map((candidate) => (candidate === path ? ended : candidate));
  const next = { ...batch, paths };
  const hasAnother = paths.some(({ state }) => state === "building" || state === "passed");
  const ends = batch.state === "speculating" && path.heads.length === 1 && !hasAnother;
  draft.put(ends ? failed(draft, next, reason) : next);
}

/** A landing that was sent before may have been carried out: its batches wait for the answer, and are sent again. */
function landingNotSent(draft: Draft, { message }: CommandOf<"land">, reason: Reason): void {
  for (const { batchId } of message.batches) {
    const batch = draft.lookup(batchId);
    if (batch?.state !== "landing" || batch.landing?.landId !== message.id) continue;
    if (batch.landing.sentAt !== undefined) continue;
    const { landing: _, ...unsent } = batch;
    draft.put(failed(draft, unsent, reason));
  }
}

/** The entry is forgotten. Its batch ends, unless it is past being ended. */
function entryRefused(draft: Draft, { id, sqid }: LogEvent, reason: Reason): void {
  const batch = draft.carrierOf(sqid);
  const outbox = batch?.outbox.filter((event) => event.id !== id);
  if (!batch || !outbox || outbox.length === batch.outbox.length) return;
  const next = { ...batch, outbox };
  draft.put(batch.state === "speculating" ? failed(draft, next, reason) : next);
}
