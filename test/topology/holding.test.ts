import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { QueueView } from "../../functions/contracts/api/queue-views.ts";
import { RequestSummary, Why } from "../../functions/contracts/api/request-views.ts";
import type { ChangeUri } from "../../functions/contracts/change-uri.ts";
import { FAKE, startTopology, type Topology } from "../support/topology.ts";

let topology: Topology;
const at = (queue: string) => topology.at(queue);

/** Builds pass once this file is there. */
const gate = join(tmpdir(), `submitqueue-hold-${process.pid}`);
const command = `until [ -e ${gate} ]; do sleep 0.1; done`;
const GATED = { buildRunner: { type: "command", command, pollSeconds: 1, timeoutSeconds: 600 } };

// Each test has a queue, and so a repository, of its own: they go side by side.
beforeAll(async () => {
  topology = await startTopology({
    bundled: { ...GATED, budget: 1, bundle: { maxSize: 3 } },
    urgent: { ...FAKE, maxPriority: 5 },
    drained: FAKE,
  });
});
afterAll(async () => {
  await topology.stop();
  await rm(gate, { force: true });
});

const post = async (path: string, body: object) => {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${topology.url}/v1/queues/${path}`, {
    ...{ method: "POST", headers, body: JSON.stringify(body) },
  });
  return { status: response.status, body: await response.json() };
};
const set = async (queue: string, verb: "pause" | "resume" | "drain") =>
  QueueView.parse((await post(`${queue}/${verb}`, {})).body).mode;
const why = async (sqid: string) => {
  const [queue, n] = sqid.split("/");
  return Why.parse(await (await fetch(`${topology.url}/v1/queues/${queue}/requests/${n}/why`)).json());
};

describe.concurrent("a paused queue", () => {
  it("builds, as bundles where slots are scarce, and lands all of it in one push when it is resumed", async () => {
    const { lane, remote } = at("bundled");
    expect(await set("bundled", "pause")).toBe("paused");
    const first = await lane.land(await remote.change("first", { "1.txt": "1\n" }));
    await lane.reaches(first.sqid, "building");
    // Requests that are admitted at the same time may come into the queue in any order.
    const others: RequestSummary[] = [];
    for (const [name, files] of [
      ["second", { "2.txt": "2\n" }],
      ["third", { "3.txt": "3\n" }],
    ] as const) {
      const asked = await lane.land(await remote.change(name, files));
      await lane.reaches(asked.sqid, "speculating");
      others.push(asked);
    }
    await writeFile(gate, "");
    for (const { sqid } of [first, ...others]) await lane.reaches(sqid, "built");
    const [second, third] = await Promise.all(others.map(({ sqid }) => why(sqid)));
    expect(second).toMatchObject({ ended: false, builds: [{ outcome: "passed" }] });
    expect(second?.sentence).toContain("The queue is paused");
    expect(third?.builds).toMatchObject([{ buildKey: second?.builds[0]?.buildKey }]);
    expect(await remote.moves()).toBe(0);

    expect(await set("bundled", "resume")).toBe("open");
    const ends = await Promise.all([first, ...others].map(({ sqid }) => lane.end(sqid)));
    expect(ends.map(({ status }) => status)).toEqual(["landed", "landed", "landed"]);
    expect((await remote.trunk()).map(({ subject }) => subject)).toEqual(["first 1", "second 1", "third 1"]);
    expect(await remote.moves()).toBe(1);
    expect(await why(ends[2]?.sqid ?? "")).toMatchObject({ ended: true, builds: [{ outcome: "passed" }] });
  });

  it("lands what is urgent ahead of what came before it", async () => {
    const { lane, remote } = at("urgent");
    await set("urgent", "pause");
    const usual = await lane.land(await remote.change("usual", { "1.txt": "1\n" }));
    await lane.reaches(usual.sqid, "built");
    const land = async (changes: ChangeUri, priority: number) =>
      RequestSummary.parse((await post("urgent/requests", { changes: [changes], priority })).body);
    const urgent = await land(await remote.change("urgent", { "2.txt": "2\n" }), 5);
    await lane.reaches(urgent.sqid, "built");
    await set("urgent", "resume");
    for (const { sqid } of [usual, urgent]) expect(await lane.end(sqid)).toMatchObject({ status: "landed" });
    expect((await remote.trunk()).map(({ subject }) => subject)).toEqual(["urgent 1", "usual 1"]);
  });
});

describe.concurrent("a draining queue", () => {
  it("lands its requests, and takes no new request until it is resumed", async () => {
    const { lane, remote } = at("drained");
    const held = await lane.land(await remote.change("held", { "1.txt": "1\n" }));
    await set("drained", "drain");
    const late = await remote.change("late", { "2.txt": "2\n" });
    await expect(lane.land(late)).rejects.toThrow("queue.draining");
    expect(await lane.end(held.sqid)).toMatchObject({ status: "landed" });
    await set("drained", "resume");
    expect(await lane.landed(late)).toMatchObject({ status: "landed" });
  });
});
