import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChangeUri } from "../../functions/contracts/change-uri.ts";
import type { GitSha, QueueName, RequestNumber, Sqid } from "../../functions/contracts/ids.ts";
import {
  type Happening,
  happeningEvent,
  type LogEvent,
  type Metadata,
  type Status,
  statusEvent,
} from "../../functions/contracts/log-event.ts";
import { reasonOf } from "../../functions/contracts/reasons.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { explain, type QueueFacts } from "../../functions/domain/explain.ts";
import { fold, openingOf } from "../../functions/domain/request-log.ts";

const sqid = "q/7" as Sqid;
const queue = "q" as QueueName;
const changes = [`git://h/r/refs%2Fheads%2Fa/${"a".repeat(40)}` as ChangeUri];
const land = { v: 1, kind: "land", queue, sqid, changes, strategy: "REBASE", receivedAt: epochMs(1) } as const;
const OPEN: QueueFacts = { budget: 4, mode: "open" };
const PAUSED: QueueFacts = { budget: 4, mode: "paused", note: "release" };

const is = (status: Status, at: number, metadata: Metadata = {}, message?: string): LogEvent =>
  statusEvent(sqid, status, epochMs(at), {
    occurrence: String(at),
    metadata,
    ...(message === undefined ? {} : { reason: { code: "build.failed", message } }),
  });
let count = 0;
const happens = (event: Happening, at: number, metadata: Metadata = {}): LogEvent =>
  happeningEvent(sqid, event, epochMs(at), { occurrence: String(++count), metadata });
const blocked = (at: number, blocker: string, on?: string) =>
  happens("blocked", at, { blocker, ...(on === undefined ? {} : { on }) });
const key = (letter: string) => letter.repeat(32);
const build = (event: "building" | "built" | "build_failed" | "retrying", at: number, letter: string, url?: string) =>
  happens(event, at, { build_key: key(letter), ...(url === undefined ? {} : { build_url: url }) });

const why = (entries: readonly LogEvent[], facts: QueueFacts = OPEN) => {
  const accepted = statusEvent(sqid, "accepted", epochMs(1));
  const summary = entries.reduce(fold, openingOf(land, 7 as RequestNumber, accepted));
  return explain(summary, [accepted, ...entries], facts);
};

describe("a waiting request", () => {
  const speculating = is("speculating", 10);

  it.each<[string, LogEvent, string]>([
    ["dependency", blocked(20, "dependency", "3 5.1 6"), "q/3, q/5 and q/6"],
    ["budget", blocked(20, "budget"), "4 builds at once"],
    ["missing-path", blocked(20, "missing-path", "3"), "depends on what becomes of q/3, ahead in the queue."],
    ["missing-path", blocked(20, "missing-path"), "waits to share a build with other requests."],
    [
      "failure",
      blocked(20, "failure", "3"),
      "also held q/3, ahead in the queue. Which request is at fault is known once that request has",
    ],
    [
      "failure",
      blocked(20, "failure", "3 4"),
      "held q/3 and q/4, ahead in the queue. Which request is at fault is known once those requests",
    ],
    ["probation", blocked(20, "probation"), "until one of its own builds has passed"],
  ])("names its blocker, and since when: %s", (blocker, entry, sentence) => {
    expect(why([speculating, entry])).toMatchObject({
      ...{ blocker, since: 20 },
      sentence: expect.stringContaining(sentence),
    });
  });

  it("is told that the target branch itself fails, in the words of its own entry or else of the queue's", () => {
    const red = { since: epochMs(15), commit: "a".repeat(40) as GitSha, reason: reasonOf("build.failed", "unit") };
    const facts = { ...OPEN, red, estimateSeconds: 60 };
    const reason = reasonOf("trunk.red", "main itself has failed since noon.");
    const told = happeningEvent(sqid, "blocked", epochMs(20), {
      occurrence: "red",
      metadata: { blocker: "trunk.red" },
      reason,
    });
    expect(why([speculating, told], facts)).toMatchObject({ blocker: "trunk.red", sentence: reason.message });
    expect(why([speculating, blocked(20, "budget")], facts).sentence).toContain(
      "itself fails since commit aaaaaaaaaaaa",
    );
    expect(why([is("landing", 30)], facts).sentence).not.toContain("itself fails");
    expect(why([speculating, told], OPEN).blocker).toBeUndefined();
  });

  it("is told that the branch is being built to find out which of the two is at fault", () => {
    const told = blocked(20, "trunk.unproven");
    expect(why([speculating, told])).toMatchObject({
      blocker: "trunk.unproven",
      sentence: expect.stringContaining("itself is being built"),
    });
    expect(why([speculating, told, build("building", 30, "a")]).blocker).toBeUndefined();
  });

  it("names the host's refusal in the host's words, until it has landed", () => {
    const reason = { code: "repository.refused" as const, message: "The host refuses: branch is protected." };
    const told = happeningEvent(sqid, "blocked", epochMs(20), {
      occurrence: "l",
      reason,
      metadata: { blocker: "host" },
    });
    const entries = [is("speculating", 10), blocked(11, "dependency", "3"), is("landing", 15)];
    expect(why(entries)).not.toHaveProperty("blocker");
    expect(why([...entries, told])).toMatchObject({
      ...{ blocker: "host", since: 20 },
      sentence: expect.stringMatching(/tried again.*branch is protected/),
    });
    expect(why([...entries, told, is("landed", 30)])).not.toHaveProperty("blocker");
    expect(why([...entries, told, is("speculating", 30)])).not.toHaveProperty("blocker");
  });

  it.each<[string, readonly LogEvent[], Partial<QueueFacts>, boolean]>([
    ["it is built", [speculating, build("building", 11, "a")], {}, true],
    ["it waits for a slot", [speculating, blocked(20, "budget")], {}, true],
    ["its build failed", [speculating, blocked(20, "failure", "3")], {}, false],
    ["the host refuses the push", [is("landing", 10), blocked(20, "host")], {}, false],
    ["a review is missing", [is("validating", 10), blocked(20, "review")], {}, false],
    ["the repository does not answer", [speculating, blocked(20, "repository")], {}, false],
    ["the queue is paused", [speculating], { mode: "paused" }, false],
    ["the queue is draining", [speculating], { mode: "draining" }, true],
    ["the queue is gone", [speculating], { budget: undefined }, false],
  ])(
    "is told the time left, in the sentence and as a number, where other requests tell it: %s",
    (_, entries, facts, isTold) => {
      const { sentence, estimateSeconds } = why(entries, { ...OPEN, ...facts, estimateSeconds: 754 });
      expect([sentence.includes("Probably lands in about 13 minutes."), estimateSeconds]).toEqual(
        isTold ? [true, 754] : [false, undefined],
      );
    },
  );

  it("names all requests that block it, and at most five of them in the sentence", () => {
    const { on, sentence } = why([speculating, blocked(20, "dependency", "1 2 3 4 5 6 8")]);
    expect(on).toEqual([1, 2, 3, 4, 5, 6, 8].map((n) => `q/${n}`));
    expect(sentence).toContain("q/5 and 2 more");
  });

  it("names the last blocker, in every order of the entries", () => {
    const entries = [speculating, blocked(20, "budget"), blocked(30, "dependency", "3")];
    for (const order of [entries, entries.toReversed()])
      expect(why(order)).toMatchObject({ blocker: "dependency", on: ["q/3"], since: 30 });
  });

  it.each<[string, LogEvent[]]>([
    ["budget, once it is built", [blocked(20, "budget"), build("building", 21, "a")]],
    ["missing-path, once it is built", [blocked(20, "missing-path"), build("building", 21, "a")]],
    ["failure, once it is built", [blocked(20, "failure", "3"), build("building", 21, "a")]],
    ["probation, once it has joined", [blocked(20, "probation"), happens("joined", 21)]],
    ["any, once it was landing", [blocked(20, "dependency", "3"), is("landing", 21), is("speculating", 22)]],
    ["pause, once the queue is resumed", [blocked(20, "pause")]],
    ["an unknown one", [blocked(20, "weather")]],
  ])("does not name a blocker that is over: %s", (_, entries) => {
    const { blocker, on } = why([speculating, ...entries]);
    expect([blocker, on]).toEqual([undefined, undefined]);
  });

  it("still names the requests ahead of it while it is being built", () => {
    expect(why([speculating, blocked(20, "dependency", "3"), build("building", 21, "a")]).blocker).toBe("dependency");
  });

  it("mentions a pause with its note, also after another blocker", () => {
    expect(why([speculating, blocked(20, "pause")], PAUSED)).toMatchObject({
      blocker: "pause",
      sentence: "The queue is paused (release): nothing lands until the queue is resumed.",
    });
    const { blocker, sentence } = why([speculating, blocked(20, "budget")], PAUSED);
    expect([blocker, sentence]).toEqual(["budget", expect.stringMatching(/build slot.*The queue is paused/)]);
    expect(why([is("validating", 5)], PAUSED).sentence).toContain("paused");
  });

  it.each<[Status, string]>([
    ["accepted", "has not started yet"],
    ["validating", "onto the target branch on trial"],
    ["validated", "about to join"],
    ["batched", "does not say yet"],
    ["landing", "is being landed"],
    ["cancelling", "Being cancelled"],
  ])("has a sentence and no blocker in status %s", (status, sentence) => {
    const explained = why(status === "accepted" ? [] : [is(status, 10)], status === "landing" ? PAUSED : OPEN);
    expect(explained).toMatchObject({ since: status === "accepted" ? 1 : 10, builds: [] });
    expect(explained.sentence).toContain(sentence);
    expect(explained.sentence.includes("paused")).toBe(false);
  });

  it("lists its builds with their outcomes, oldest first", () => {
    const entries = [
      speculating,
      build("building", 20, "a", "https://ci/1"),
      build("build_failed", 30, "a"),
      build("retrying", 31, "a"),
      build("built", 41, "b", "https://ci/2"),
      // Another clock, a little behind.
      build("building", 42, "b"),
      build("build_failed", 50, "c"),
      build("building", 60, "d"),
    ];
    expect(why(entries).builds).toEqual([
      { buildKey: key("a"), outcome: "retried", url: "https://ci/1", at: 31 },
      { buildKey: key("b"), outcome: "passed", url: "https://ci/2", at: 41 },
      { buildKey: key("c"), outcome: "failed", at: 50 },
      { buildKey: key("d"), outcome: "unfinished", at: 60 },
    ]);
    expect(why(entries).sentence).toBe("The request is being built.");
  });
});

describe("a request that has ended", () => {
  const builds = [build("built", 20, "a", "https://ci/1"), build("build_failed", 30, "b"), blocked(35, "budget")];

  it("names the commit and the evidence when it has landed", () => {
    const { blocker, ...explained } = why([...builds, is("landed", 40, { commit: "c0ffee", build_key: key("a") })]);
    expect([blocker, explained]).toEqual([
      undefined,
      {
        since: 40,
        builds: [{ buildKey: key("a"), outcome: "passed", url: "https://ci/1", at: 20 }],
        sentence: "Landed as commit c0ffee.",
      },
    ]);
  });

  it("names the requests that it bypassed", () => {
    const { sentence } = why([is("landed", 40, { commit: "c0ffee", bypassed: "3 4" })]);
    expect(sentence).toContain("ahead of q/3 and q/4");
  });

  it("landed, and nothing of it was new: says so, and names no commit", () => {
    const { sentence } = why([is("landed", 40, { tree: "7ree" }, "Nothing was added to main.")]);
    expect(sentence).toBe("Landed. Nothing was added to main.");
  });

  it("landed, and a part of it was new: names its commit, and the part that was not", () => {
    const { sentence } = why([is("landed", 40, { commit: "c0ffee" }, "a added nothing to main.")]);
    expect(sentence).toBe("Landed as commit c0ffee. a added nothing to main.");
  });

  it("names the reason and the failed build when it has failed", () => {
    const explained = why([...builds, is("error", 40, { build_key: key("b") }, "two tests failed")]);
    expect(explained).toMatchObject({
      sentence: "two tests failed",
      builds: [{ buildKey: key("b"), outcome: "failed" }],
    });
  });

  it("names all builds that decided it, also those of other requests", () => {
    const { builds: told } = why([...builds, is("landed", 40, { build_key: `${key("a")} ${key("f")}` })]);
    expect(told).toMatchObject([{ buildKey: key("a") }, { buildKey: key("f"), outcome: "passed", at: 40 }]);
  });

  it("gives the caller's note and no build when it was cancelled", () => {
    const cancel = is("cancelling", 30, {}, "wrong branch");
    expect(why([...builds, is("landing", 25, { build_key: key("a") }), cancel, is("cancelled", 40)])).toEqual({
      ...{ since: 40, builds: [], sentence: "wrong branch" },
    });
  });
});

it("never fails, and always has a sentence, for every log", () => {
  const statuses = fc.constantFrom<Status>("speculating", "landing", "error", "cancelling", "landed", "batched");
  const happenings = fc.constantFrom<Happening>("blocked", "building", "built", "joined", "retrying");
  const anyMetadata = fc.dictionary(
    fc.constantFrom("blocker", "on", "build_key", "build_url", "commit", "bypassed"),
    fc.oneof(fc.constantFrom("dependency", "budget", key("a"), "1 2", ""), fc.integer(), fc.boolean(), fc.string()),
  );
  const anyEntry = fc.oneof(
    fc.tuple(statuses, fc.nat(50), anyMetadata).map(([status, at, metadata]) => is(status, at, metadata)),
    fc.tuple(happenings, fc.nat(50), anyMetadata).map(([event, at, metadata]) => happens(event, at, metadata)),
  );
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 8 }), fc.constantFrom(OPEN, PAUSED), (entries, facts) => {
      expect(why(entries, facts).sentence.length).toBeGreaterThan(10);
    }),
  );
});
