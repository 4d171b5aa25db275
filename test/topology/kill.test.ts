import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RequestSummary } from "../../functions/contracts/api/request-views.ts";
import { hasEnded } from "../../functions/contracts/log-event.ts";
import { QueuesConfig } from "../../functions/contracts/queues.ts";
import { proveTrunk } from "../../localstack/demo/proof.ts";
import { seeded } from "../../localstack/demo/random.ts";
import { aGateAt } from "./gate.ts";
import { eventually, Lane } from "./lane.ts";
import { type Mortal, startMortal } from "./mortal.ts";
import { CHECK, PROJECT } from "./project.ts";
import { aRemote, type Remote } from "./remote.ts";

/** Each has a repository of its own. */
const QUEUES = ["accepted", "building", "pushing", "by-chance"] as const;
type QueueName = (typeof QUEUES)[number];

interface World {
  readonly remote: Remote;
  readonly lane: () => Lane;
  /** Kills the runtime, and starts it again on what is left. `meanwhile` happens while there is none. */
  readonly killAndRestart: (meanwhile?: () => Promise<unknown>) => Promise<void>;
  /** Requests by the branch of their change. */
  readonly asked: Map<string, string>;
}

const undo: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const step of undo.toReversed()) await step();
});

/** One runtime has the queues of all tests, since each start of it takes more than a second of the processor. */
let worldOf: (name: QueueName) => World;
beforeAll(async () => {
  const home = await mkdtemp(join(tmpdir(), "submitqueue-kill-"));
  undo.push(() => rm(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  const remotes = new Map<QueueName, Remote>();
  for (const name of QUEUES) remotes.set(name, await aRemote(home, name, PROJECT));
  const queues = QueuesConfig.parse({
    queues: [...remotes].map(([name, remote]) => ({
      name,
      repository: { remote: remote.path },
      // As slow as it takes to be there to be killed under.
      buildRunner: { type: "command", command: `sleep 0.3 && ${CHECK}`, pollSeconds: 1, timeoutSeconds: 600 },
      conflictAnalyzer: { type: "paths", by: "directory" },
    })),
  });
  const options = { state: join(home, "state"), queues };
  let runtime: Mortal = await startMortal(options);
  undo.push(() => runtime.kill());
  worldOf = (name) => {
    const remote = remotes.get(name);
    if (remote === undefined) throw new Error(`no queue is named ${name}`);
    return {
      remote,
      lane: () => new Lane(runtime.url, name),
      killAndRestart: async (meanwhile) => {
        await runtime.kill();
        await meanwhile?.();
        runtime = await startMortal(options);
      },
      asked: new Map(),
    };
  };
});

const CHANGES = {
  // Conflicts with no other change.
  apart: { "docs/apart": "1\n" },
  // Two that conflict by their text.
  left: { "lib/same": "left\n" },
  right: { "lib/same": "right\n" },
  // Two that merge, and fail their check together.
  renaming: { "lib/old": "moved\n", "lib/new": "1\n", "lib/list": "new\n" },
  using: { "lib/user.needs": "lib/list old\n" },
  // Cancelled as soon as it is accepted.
  unwanted: { "src/unwanted": "1\n" },
} as const;

/** Asks for all changes, one after the other. */
async function ask({ remote, lane, asked }: World): Promise<void> {
  for (const [branch, files] of Object.entries(CHANGES))
    asked.set(branch, (await lane().land(await remote.change(branch, files))).sqid);
  await lane().cancel(asked.get("unwanted") ?? "");
}

/** Returns when the first request has been through `name`. */
async function firstReaches({ lane, asked }: World, name: string): Promise<void> {
  await lane().reaches(asked.values().next().value ?? "", name, { everyMs: 20 });
}

/** All that was promised, after every kill. */
async function everythingIsInOrder({ remote, lane, asked }: World): Promise<void> {
  const ends = new Map<string, RequestSummary>();
  for (const [branch, sqid] of asked) ends.set(branch, await lane().end(sqid));
  const landed = [...ends].flatMap(([branch, { status }]) => (status === "landed" ? [branch] : []));
  const statusOf = (branch: keyof typeof CHANGES) => ends.get(branch)?.status;
  expect({ apart: statusOf("apart"), unwanted: statusOf("unwanted") }).toEqual({
    apart: "landed",
    unwanted: "cancelled",
  });
  expect([statusOf("left"), statusOf("right")].sort()).toEqual(["error", "landed"]);
  expect([statusOf("renaming"), statusOf("using")].sort()).toEqual(["error", "landed"]);

  const subjects = (await remote.trunk()).map(({ subject }) => subject);
  expect(subjects.toSorted()).toEqual(landed.map((branch) => `${branch} 1`).sort());

  const proof = { remote: remote.path, branch: "main", start: remote.start, folders: [], command: CHECK };
  const { commits } = await proveTrunk(proof);
  expect(commits.filter(({ passed }) => passed !== true)).toEqual([]);

  for (const [branch, { sqid, status, reason }] of ends) {
    const statuses = (await lane().history(sqid)).filter(({ kind }) => kind === "status");
    expect(statuses[0]?.status, branch).toBe("accepted");
    expect(statuses.at(-1), branch).toMatchObject({ status, ...(reason ? { reason } : {}) });
    expect(statuses.filter((entry) => entry.status && hasEnded(entry.status)).length, branch).toBe(1);
  }
}

const seed = Number(process.env["KILL_SEED"] ?? 20_261);
const random = seeded(seed);
const MOMENTS = Array.from({ length: 2 }, () => Math.round(random() * 3_000));

describe("a runtime that is killed and started again ends every request, and lands nothing twice", () => {
  it("when it is killed right after it accepted requests, and again while it validates them", async () => {
    const world = worldOf("accepted");
    await ask(world);
    await world.killAndRestart();
    await firstReaches(world, "validating");
    await world.killAndRestart();
    await everythingIsInOrder(world);
  });

  it("when it is killed while builds run, twice in a row, and while it lands", async () => {
    const world = worldOf("building");
    await ask(world);
    await firstReaches(world, "building");
    await world.killAndRestart();
    await world.killAndRestart();
    await firstReaches(world, "landing");
    await world.killAndRestart();
    await everythingIsInOrder(world);
  });

  it("when it is killed with a push under way, which arrives when it is back, and the moment that the trunk has moved", async () => {
    const world = worldOf("pushing");
    const gate = await aGateAt(world.remote);
    await ask(world);
    await gate.reached();
    await world.killAndRestart();
    await gate.open();
    // A branch that was pushed is a file, which costs less to look at than git does.
    const tip = async () => readFileSync(join(world.remote.path, "refs", "heads", "main"), "utf8").trim();
    await eventually("the trunk moves", tip, (sha) => sha !== world.remote.start, { everyMs: 1 });
    await world.killAndRestart();
    await everythingIsInOrder(world);
  });

  it(`when it is killed ${MOMENTS.join(" ms, and ")} ms after it answered last (KILL_SEED=${seed})`, async () => {
    const world = worldOf("by-chance");
    await ask(world);
    for (const moment of MOMENTS) {
      // Chosen by chance, not to wait for anything.
      await pause(moment);
      await world.killAndRestart();
    }
    await everythingIsInOrder(world);
  });
});
