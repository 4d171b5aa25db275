import { describe, expect, it } from "vitest";
import type { ChangeUri } from "../../functions/contracts/change-uri.ts";
import type { QueueName, RequestNumber, Sqid } from "../../functions/contracts/ids.ts";
import { happeningEvent, type LogEvent, type Status, statusEvent } from "../../functions/contracts/log-event.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { explain, type QueueFacts } from "../../functions/domain/explain.ts";
import { fold, openingOf } from "../../functions/domain/request-log.ts";

const sqid = "q/7" as Sqid;
const changes = [`git://h/r/refs%2Fheads%2Fa/${"a".repeat(40)}` as ChangeUri];
const land = { v: 1, kind: "land", queue: "q" as QueueName, sqid, changes, strategy: "REBASE" } as const;
const OPEN: QueueFacts = { budget: 4, mode: "open" };

const is = (status: Status, at: number): LogEvent => statusEvent(sqid, status, epochMs(at), { occurrence: String(at) });
const away = (at: number, message = "The queue's repository does not answer (refused)."): LogEvent =>
  happeningEvent(sqid, "blocked", epochMs(at), {
    occurrence: String(at),
    metadata: { blocker: "repository" },
    reason: { code: "repository.unavailable", message },
  });

const why = (entries: readonly LogEvent[], facts: QueueFacts = OPEN) => {
  const accepted = statusEvent(sqid, "accepted", epochMs(1));
  const summary = entries.reduce(fold, openingOf({ ...land, receivedAt: epochMs(1) }, 7 as RequestNumber, accepted));
  return explain(summary, [accepted, ...entries], facts);
};

describe("a request in admission whose repository does not answer", () => {
  it.each<[string, readonly LogEvent[]]>([
    ["before it was inspected", [is("started", 5), away(20)]],
    ["before it was checked", [is("started", 5), is("validating", 10), away(20)]],
    ["for the second time", [is("started", 5), away(7), is("validating", 10), away(20)]],
  ])("is told so, in the words of the log, and since when: %s", (_, entries) => {
    expect(why(entries)).toMatchObject({
      ...{ blocker: "repository", since: 20 },
      sentence: "The queue's repository does not answer (refused).",
    });
  });

  it.each<[string, readonly LogEvent[]]>([
    ["was read", [is("started", 5), away(20), is("validating", 30)]],
    ["was admitted", [is("started", 5), away(20), is("validating", 30), is("validated", 40)]],
    ["is in the queue", [is("started", 5), away(20), is("validated", 40), is("batched", 50)]],
  ])("is told nothing of it any more once it %s", (_, entries) => {
    expect(why(entries)).not.toHaveProperty("blocker");
    expect(why(entries).sentence).not.toContain("does not answer");
  });

  it("has no blocker once it has ended", () => {
    expect(why([is("started", 5), away(20), is("cancelled", 30)])).not.toHaveProperty("blocker");
  });
});

describe("a request in admission that waits for a review", () => {
  const waits = (blocker: "review" | "checks", at: number, message: string): LogEvent =>
    happeningEvent(sqid, "blocked", epochMs(at), {
      occurrence: `${blocker}/${at}`,
      metadata: { blocker },
      reason: { code: "change.not_reviewed", message },
    });
  const begun = [is("started", 5), is("validating", 10), waits("review", 20, "Waiting for a review: #7.")];

  it("is told so, in the words of the log, and that it goes on by itself", () => {
    expect(why(begun)).toMatchObject({
      ...{ blocker: "review", since: 20 },
      sentence: "Waiting for a review: #7. The request enters the queue by itself once the review is there.",
    });
  });

  it("is told of the checks once it waits for these", () => {
    expect(why([...begun, waits("checks", 30, "Waiting for checks of #7: unit.")])).toMatchObject({
      ...{ blocker: "checks", since: 30 },
      sentence: "Waiting for checks of #7: unit. The request enters the queue by itself once they have passed.",
    });
  });

  it.each<[string, readonly LogEvent[]]>([
    ["was admitted", [is("validated", 40)]],
    ["is being built", [is("validated", 40), is("speculating", 50)]],
    ["has ended", [is("error", 40)]],
  ])("is told nothing of it any more once it %s", (_, entries) => {
    expect(why([...begun, ...entries])).not.toHaveProperty("blocker");
    expect(why([...begun, ...entries]).sentence).not.toContain("Waiting for a review");
  });
});
