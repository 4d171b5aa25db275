import { afterAll, beforeAll, expect, it } from "vitest";
import type { QueueNow } from "../../functions/contracts/api/queue-views.ts";
import type { Why } from "../../functions/contracts/api/request-views.ts";
import { writeBranch } from "../../localstack/sandbox/write-branch.ts";
import { startTopology, type Topology } from "../support/topology.ts";
import { eventually } from "./lane.ts";

const command = "if grep -q broken state; then echo 'the tests of the shop failed'; exit 1; fi";

let topology: Topology;
beforeAll(async () => {
  const buildRunner = { type: "command", command, pollSeconds: 1, timeoutSeconds: 600 };
  topology = await startTopology({ red: { buildRunner, budget: 3 } }, { state: "fine\n" });
});
afterAll(() => topology.stop());

it("waits while a commit past the queue breaks the trunk, lands the repair, and then what waits", async () => {
  const { lane, remote } = topology.at("red");
  const call = async <T>(path: string): Promise<T> =>
    (await (await fetch(`${topology.url}/v1/queues/red${path}`)).json()) as T;
  const pushed = await writeBranch(remote.path, {
    ref: "refs/heads/main",
    from: remote.start,
    by: "Mallory <mallory@example.invalid>",
    at: Date.UTC(2026, 0, 6) / 1_000,
    commits: [{ message: "Past the queue\n", files: { state: "broken\n" } }],
  });
  const waiting = [];
  for (const name of ["one", "two", "three"])
    waiting.push(await lane.land(await remote.change(name, { [`lib/${name}`]: "1\n" })));
  for (const { sqid } of waiting) {
    const why = await eventually(
      `${sqid} waits for the trunk`,
      () => call<Why>(`/requests/${sqid.split("/")[1]}/why`),
      ({ blocker, builds }) => blocker === "trunk.red" && builds.every(({ outcome }) => outcome !== "unfinished"),
    );
    expect(why.sentence).toContain(`at commit ${pushed.slice(0, 12)} by Mallory`);
    expect(why.sentence).toContain("the tests of the shop failed");
  }
  // A change that waits is built once more when it may be the repair: meanwhile the trunk is not in its way.
  const held = await eventually(
    "all wait for the trunk",
    () => call<QueueNow>(""),
    ({ requests }) => requests.every(({ blocker }) => blocker === "trunk.red"),
  );
  expect(held.requests).toHaveLength(3);
  expect(held.red).toMatchObject({ commit: pushed, author: "Mallory", reason: { code: "build.failed" } });

  const repair = await lane.land(await remote.change("repair", { state: "fine again\n" }, { onto: pushed }));
  expect(await lane.end(repair.sqid)).toMatchObject({ status: "landed", metadata: { repair: true } });
  for (const { sqid } of waiting) expect(await lane.end(sqid)).toMatchObject({ status: "landed" });
  const subjects = (await remote.trunk()).map(({ subject }) => subject);
  expect(subjects.slice(0, 2)).toEqual(["Past the queue", "repair 1"]);
  expect(subjects.slice(2).toSorted()).toEqual(["one 1", "three 1", "two 1"]);
  const after = await eventually(
    "the queue is told that the trunk has recovered",
    () => call<QueueNow>(""),
    ({ red }) => red === undefined,
  );
  expect(after.recent.map(({ status }) => status)).toEqual(Array(4).fill("landed"));
});
