import type { LogEvent } from "../../contracts/log-event.ts";
import type { Reason } from "../../contracts/reasons.ts";
import { type Path, pathIsActive } from "../batch.ts";
import type { Draft } from "./draft.ts";
import { failed } from "./outcomes.ts";
import type { Command, CommandFailed } from "./plan.ts";
import { trunkBuildNotStarted } from "./trunk-build.ts";

type CommandOf<K extends Command["kind"]> = Extract<Command, { kind: K }>;

/**
 * A command can never be carried out, for `reason`. Ends the batches, or the build of the trunk, that the command is about, unless they can
 * still land. A repeat changes nothing.
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
 * The path of the build ends as failed, which frees its slot. The batch fails too, unless another of its builds is running or has passed. The
 * batches of a bundle do not fail: they are built in smaller bundles, as after any failed bundle.
 */
function buildNotStarted(draft: Draft, { batchId, buildKey }: CommandOf<"start-build">, reason: Reason): void {
  trunkBuildNotStarted(draft, buildKey);
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

/** Fails the batches of the landing, unless the landing was sent before: it may have been carried out then, so it is sent again. */
function landingNotSent(draft: Draft, { message }: CommandOf<"land">, reason: Reason): void {
  for (const { batchId } of message.batches) {
    const batch = draft.lookup(batchId);
    if (batch?.state !== "landing" || batch.landing?.landId !== message.id) continue;
    if (batch.landing.sentAt !== undefined) continue;
    const { landing: _, ...unsent } = batch;
    draft.put(failed(draft, unsent, reason));
  }
}

/** Forgets the log entry that cannot be sent, and ends its batch if the batch is still speculating. */
function entryRefused(draft: Draft, { id, sqid }: LogEvent, reason: Reason): void {
  const batch = draft.carrierOf(sqid);
  const outbox = batch?.outbox.filter((event) => event.id !== id);
  if (!batch || !outbox || outbox.length === batch.outbox.length) return;
  const next = { ...batch, outbox };
  draft.put(batch.state === "speculating" ? failed(draft, next, reason) : next);
}
