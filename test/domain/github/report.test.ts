import { describe, expect, it } from "vitest";
import { RequestSummary, Why } from "../../../functions/contracts/api/request-views.ts";
import { Asked } from "../../../functions/contracts/github.ts";
import { estimateSentence } from "../../../functions/domain/explain.ts";
import {
  checkOf,
  endCommentOf,
  type Facts,
  sqidsIn,
  stateOf,
  stickyOf,
} from "../../../functions/domain/github/report.ts";

const AT = "2026-11-25T10:00:00.000Z";
const COMMIT = "a".repeat(40);
const CHANGE = `git://h/r/refs%2Fheads%2Fx/${COMMIT}`;
const KEY = "0".repeat(32);

const factsOf = (why: object = {}, request: object = {}): Facts => ({
  why: Why.parse({ sqid: "main/7", status: "speculating", ended: false, since: AT, builds: [], sentence: "", ...why }),
  request: RequestSummary.parse({
    ...{ sqid: "main/7", queue: "main", number: 7, status: "speculating", ended: false, changes: [CHANGE] },
    ...{ strategy: "REBASE", priority: 0, receivedAt: AT, updatedAt: AT, metadata: {}, ...request },
  }),
  asked: Asked.parse({
    ...{ key: "gh-1", queue: "main", changes: [CHANGE], by: "rob", at: 0 },
    members: [{ pull: 40, head: COMMIT, base: "main" }],
  }),
  page: undefined,
  pulls: new Map([
    ["main/1", 31],
    ["main/12", 42],
  ]),
});

const build = (outcome: string) => ({ buildKey: KEY, outcome, at: AT, url: "https://ci/1" });

describe("the state of a request on its pull request", () => {
  it.each<[string, object, string]>([
    ["without a build", {}, "queued"],
    ["that waits for a review", { blocker: "review" }, "waiting"],
    ["that is being built, though a build has passed", { builds: [build("passed"), build("unfinished")] }, "building"],
    ["whose only build has failed", { builds: [build("failed")] }, "building"],
    ["that has passed and waits for others", { builds: [build("failed"), build("passed")] }, "passed"],
    ["that has ended with an error", { status: "error" }, "failed"],
  ])("of a request %s is %j", (_what, why, state) => {
    expect(stateOf(factsOf(why).why)).toBe(state);
  });

  it("that ended as only a newer gateway knows is that it did not land", () => {
    const { why } = factsOf({ builds: [build("passed")] });
    expect(stateOf({ ...why, status: "superseded" as never, ended: true })).toBe("failed");
  });
});

describe("the texts on a pull request", () => {
  const sentence =
    "Passed. Waiting for main/12, which is ahead in the queue and has to be tested together with this one.";

  it("name the pull requests of other requests, and leave out the time left, which would grow old", () => {
    const facts = factsOf({ sentence: `${sentence} ${estimateSentence(754)}`, estimateSeconds: 754 });
    for (const text of [stickyOf(facts), checkOf(facts).summary]) {
      expect(text).toContain("Waiting for #42 (main/12), which is ahead");
      expect(text).not.toContain("Probably");
    }
  });

  it("give the time of each build's outcome", () => {
    expect(stickyOf(factsOf({ builds: [build("passed")] }))).toContain(
      `| at | outcome | build |\n|---|---|---|\n| ${AT} | passed | [build](https://ci/1) |`,
    );
  });

  it("name as in the way of a failed request only what the message or the explanation names", () => {
    const end = { status: "error", ended: true };
    const reason = { code: "merge.conflict", message: "It does not apply on main/12." };
    const facts = factsOf({ ...end, sentence: reason.message }, { ...end, reason });
    expect(endCommentOf(facts)).toContain("In the way: #42.");
    expect(endCommentOf(factsOf({ ...end, on: ["main/1"] }, { ...end, reason }))).toContain("In the way: #42, #31.");
    expect(endCommentOf(factsOf())).toBeUndefined();
  });

  it.each(["see @rob", "~~no~~", "# no", "- no", "1. no", "a\nb", "`no`"])(
    "quote %j so that GitHub formats none of it",
    (message) => {
      const end = { status: "error", ended: true, reason: { code: "build.failed", message } };
      expect(endCommentOf(factsOf({ ...end, sentence: message }, end))).toMatch(/\n(`{3,})text\n[\s\S]*\n\1\n/);
    },
  );

  it("quote a plain message as it is", () => {
    const end = { status: "error", ended: true, reason: { code: "internal", message: "2 of 3 checks failed." } };
    expect(endCommentOf(factsOf({ ...end, sentence: "" }, end))).toContain("\n> 2 of 3 checks failed.\n");
  });

  it("need the pull requests of every other request that they name, each once", () => {
    const reason = { code: "merge.conflict", message: "See main/12, x/main/3, main/4x and main/7." } as const;
    expect(sqidsIn(factsOf({ sentence: "main/1 and main/12", on: ["main/5"] }, { reason }))).toEqual([
      "main/1",
      "main/12",
      "main/5",
    ]);
  });
});
