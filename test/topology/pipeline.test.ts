import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { claimsStore } from "../../functions/adapters/dynamodb/claims-store.ts";
import { requestsStore } from "../../functions/adapters/dynamodb/requests-store.ts";
import { openRepository } from "../../functions/adapters/git/repository.ts";
import type { RequestSummary } from "../../functions/contracts/api/request-views.ts";
import type { ChangeUri } from "../../functions/contracts/change-uri.ts";
import { ENV } from "../../functions/contracts/environment.ts";
import { QueueName } from "../../functions/contracts/ids.ts";
import { Repository } from "../../functions/contracts/queues.ts";
import { FAKE, startTopology, type Topology } from "../support/topology.ts";
import { untilPasses } from "../support/wait.ts";
import { eventually } from "./lane.ts";
import { told } from "./tables.ts";

const STATUSES_OF_LANDED = [
  "accepted",
  "started",
  "validating",
  "validated",
  "batching",
  "batched",
  "speculating",
  "speculated",
  "landing",
  "landed",
];

let topology: Topology;
const at = (queue: string) => topology.at(queue);
const requests = () => {
  const { operator } = topology.runtime;
  return requestsStore(operator.dynamodb, told(topology.runtime, ENV.requestsTable));
};
const claims = () => {
  const { operator } = topology.runtime;
  return claimsStore(operator.dynamodb, told(topology.runtime, ENV.claimsTable));
};

// Each test has a queue, and so a repository, of its own: they go side by side.
beforeAll(async () => {
  topology = await startTopology({
    trail: FAKE,
    events: FAKE,
    ended: FAKE,
    twins: FAKE,
    commits: FAKE,
    reads: { ...FAKE, conflictAnalyzer: { type: "none" } },
    hasty: { ...FAKE, conflictAnalyzer: { type: "none" } },
    hanging: FAKE,
    parked: { ...FAKE, changeProvider: { type: "fake" } },
    behind: FAKE,
  });
});
afterAll(() => topology.stop());

describe.concurrent("one request", () => {
  it("goes through every status in order, from accepted to landed, and is landed inside too", async () => {
    const { lane, remote } = at("trail");
    const { sqid, status } = await lane.landed(await remote.change("one", { "a.txt": "a\n" }));
    expect(status).toBe("landed");
    await untilPasses(async () => {
      const statuses = (await lane.history(sqid)).flatMap(({ status: name }) => name ?? []);
      expect(statuses).toEqual(STATUSES_OF_LANDED);
    });
    expect(await requests().get(sqid)).toMatchObject({ state: "landed" });
  });

  it("shows its builds as events, which never become its status", async () => {
    const { lane, remote } = at("events");
    const { sqid } = await lane.land(await remote.change("one", { "a.txt": "a\n" }));
    const seen = new Set<string>();
    const look = async () => {
      const summary = await lane.get(sqid);
      seen.add(summary.status);
      return summary;
    };
    await eventually(`${sqid} ends`, look, ({ ended }) => ended, { everyMs: 20 });
    await untilPasses(async () => {
      const builds = (await lane.history(sqid)).filter(({ event }) => event !== undefined);
      expect(builds).toMatchObject([
        { kind: "event", event: "building", metadata: { attempt: 1, build_url: expect.stringMatching(/^fake:/) } },
        { kind: "event", event: "built" },
      ]);
      expect(builds.every(({ status }) => status === undefined)).toBe(true);
    });
    expect(["building", "built"].filter((name) => seen.has(name))).toEqual([]);
  });
});

describe.concurrent("a change that is in flight", () => {
  it("is refused to a second request, which ends in error and names the first", async () => {
    const { lane, remote } = at("twins");
    const change = await remote.change("one", { "a.txt": "a\n" }, { marker: "build-hang" });
    const first = await lane.land(change);
    await lane.reaches(first.sqid, "building");
    const second = await lane.landed(change);
    expect(second).toMatchObject({ status: "error", reason: { code: "change.duplicate" } });
    expect(second.reason?.message).toContain(` ${first.sqid}.`);
    await lane.cancel(first.sqid);
    expect(await lane.end(first.sqid)).toMatchObject({ status: "cancelled" });
    expect(await remote.moves()).toBe(0);
  });

  it("is refused under another commit too, and free again once the first has ended", async () => {
    const { lane, remote } = at("commits");
    const older = await lane.land(await remote.change("one", { "a.txt": "a\n" }, { marker: "build-hang" }));
    await lane.reaches(older.sqid, "building");
    const newer = await remote.change("one", { "a.txt": "b\n" });
    const refused = await lane.landed(newer);
    expect(refused).toMatchObject({ status: "error", reason: { code: "change.duplicate" } });
    expect(refused.reason?.message).toContain(older.sqid);
    await lane.cancel(older.sqid);
    await lane.end(older.sqid);
    expect(await lane.landed(newer)).toMatchObject({ status: "landed" });
  });
});

describe.concurrent("the reads", () => {
  it("agree: by number, by change, page by page, and the history with all of them", async () => {
    const { lane, remote } = at("reads");
    const failing = await remote.change("failing", { "a.txt": "a\n" }, { marker: "build-fail" });
    const asked = [
      await lane.land(await remote.change("passing", { "b.txt": "b\n" })),
      await lane.land(failing),
      await lane.land(await remote.change("another", { "c.txt": "c\n" })),
    ];
    const statuses = await Promise.all(asked.map(async ({ sqid }) => (await lane.end(sqid)).status));
    expect(statuses).toEqual(["landed", "error", "landed"]);
    asked.push(await lane.land(failing));
    // Of an entry that comes after the request's end, the reads learn one after the other.
    const ends = await untilPasses(async () => {
      const found = await Promise.all(asked.map(({ sqid }) => lane.end(sqid)));
      await agree(found, failing);
      return found;
    });
    expect(ends[1]?.reason).toMatchObject({ code: "build.failed", message: expect.stringContaining("build-fail") });
  });

  const agree = async (ends: readonly RequestSummary[], failing: ChangeUri) => {
    const { lane } = at("reads");
    const newestFirst = ends.toReversed();
    expect(await lane.list()).toEqual({ requests: newestFirst });
    const pages = [];
    for (let page: string | undefined, more = true; more; more = page !== undefined) {
      const answer = await lane.list({ limit: "1", ...(page === undefined ? {} : { page }) });
      expect(answer.requests.length).toBeLessThanOrEqual(1);
      pages.push(...answer.requests);
      page = answer.nextPage;
    }
    expect(pages).toEqual(newestFirst);
    expect(await lane.list({ change: failing })).toEqual({ requests: [ends[3], ends[1]] });
    for (const end of ends) {
      const history = await lane.history(end.sqid);
      expect(history[0]).toMatchObject({ status: "accepted" });
      expect(history.at(-1)?.status).toBe(end.status);
      expect(history.at(-1)?.reason).toEqual(end.reason);
      expect(history.at(-1)?.at).toBe(end.updatedAt);
    }
  };
});

describe.concurrent("a cancel", () => {
  it("right after the Land ends every request as cancelled, and nothing lands", async () => {
    const { lane, remote } = at("hasty");
    const changes = [];
    for (const name of ["a", "b", "c", "d", "e", "f"])
      changes.push(await remote.change(name, { [`${name}.txt`]: "x\n" }, { marker: "build-hang" }));
    const cancelled = changes.map(async (change, index) => {
      const { sqid } = await lane.land(change);
      expect(await lane.cancel(sqid, `no. ${index}`)).toMatchObject({ status: "cancelling" });
      return lane.end(sqid);
    });
    for (const [index, summary] of (await Promise.all(cancelled)).entries())
      expect(summary).toMatchObject({
        status: "cancelled",
        reason: { code: "cancelled.by_caller", message: expect.stringContaining(`no. ${index}`) },
      });
    expect(await remote.moves()).toBe(0);
  });

  it("while a build hangs stops the build, ends the request as cancelled, and makes way for the one behind", async () => {
    const { lane, remote } = at("hanging");
    const hanging = await lane.land(await remote.change("hangs", { "a.txt": "a\n" }, { marker: "build-hang" }));
    await lane.reaches(hanging.sqid, "building");
    const behind = await lane.land(await remote.change("behind", { "b.txt": "b\n" }));
    await lane.reaches(behind.sqid, "speculating");
    await lane.cancel(hanging.sqid, "it hangs");
    expect(await lane.end(hanging.sqid)).toMatchObject({
      status: "cancelled",
      reason: { code: "cancelled.by_caller", message: "Cancelled: it hangs" },
    });
    expect(await lane.end(behind.sqid)).toMatchObject({ status: "landed" });
    expect((await remote.trunk()).map(({ subject }) => subject)).toEqual(["behind 1"]);
    expect((await lane.trail(hanging.sqid)).filter((name) => name.startsWith("land"))).toEqual([]);
  });

  it("of a request that is parked at the trial merge takes effect at once, and the late result of the merge is dropped", async () => {
    const { lane, remote } = at("parked");
    expect(await lane.landed(await remote.change("first", { "a.txt": "a\n" }))).toMatchObject({ status: "landed" });
    const repository = await openRepository({
      workDirectory: told(topology.runtime, ENV.workDirectory),
      repository: Repository.parse({ remote: remote.path }),
    });
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const held = repository.exclusively(() => gate);
    const change = await remote.change("parked", { "b.txt": "b\n" });
    const { sqid } = await lane.land(change);
    // The claims are the last thing that is written before the trial merge.
    const holder = () => claims().holder(QueueName.parse("parked"), change);
    await eventually(`${sqid} is parked`, holder, (claim) => claim?.owner === sqid);
    await lane.cancel(sqid);
    expect(await lane.end(sqid)).toMatchObject({ status: "cancelled" });
    const parked = ["accepted", "started", "validating", "cancelling", "cancelled"];
    await untilPasses(async () => expect(await lane.trail(sqid)).toEqual(parked));
    open();
    await held;
    expect(await lane.landed(await remote.change("sentinel", { "c.txt": "c\n" }))).toMatchObject({ status: "landed" });
    expect(await lane.trail(sqid)).toEqual(parked);
    expect((await remote.trunk()).map(({ subject }) => subject)).toEqual(["first 1", "sentinel 1"]);
  });

  it("of a request that has landed changes nothing", async () => {
    const { lane, remote } = at("ended");
    const { sqid } = await lane.landed(await remote.change("one", { "a.txt": "a\n" }));
    const names = [...STATUSES_OF_LANDED, "building", "built"].sort();
    await untilPasses(async () => expect((await lane.trail(sqid)).toSorted()).toEqual(names));
    const landed = await lane.end(sqid);
    const history = await lane.history(landed.sqid);
    expect(await lane.cancel(landed.sqid)).toEqual(landed);
    expect(await lane.history(landed.sqid)).toEqual(history);
  });
});

describe.concurrent("a request that conflicts with one ahead", () => {
  it("is built on top of it meanwhile, and without it once that has failed", async () => {
    const { lane, remote } = at("behind");
    const ahead = await lane.land(await remote.change("ahead", { "a.txt": "a\n" }, { marker: "build-fail" }));
    await lane.reaches(ahead.sqid, "speculating");
    const behind = await lane.land(await remote.change("behind", { "b.txt": "b\n" }));
    expect(await lane.end(ahead.sqid)).toMatchObject({ status: "error", reason: { code: "build.failed" } });
    expect(await lane.end(behind.sqid)).toMatchObject({ status: "landed" });
    await untilPasses(async () => {
      const statuses = (await lane.trail(behind.sqid)).filter((name) => /^specul/.test(name));
      expect(statuses).toEqual(["speculating", "speculated"]);
    });
    expect((await remote.trunk()).map(({ subject }) => subject)).toEqual(["behind 1"]);
  });
});
