import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTopology, type Topology } from "../support/topology.ts";

/** Fails on a tree that has a.txt, and so not on the trunk. */
const SAYS_ROCKET = '! [ -e a.txt ] || { printf "tests went \\360\\237\\232\\200 and broke\\n"; exit 1; }';
const building = (command: string) => ({ buildRunner: { type: "command", command, pollSeconds: 1 } });

let topology: Topology;
beforeAll(async () => {
  topology = await startTopology({
    cancelled: building("true"),
    paused: building("true"),
    failing: building(SAYS_ROCKET),
    landing: building("true"),
    conflicting: building("true"),
  });
});
afterAll(() => topology.stop());

async function tell(
  queue: string,
  verb: "pause" | "resume",
  note?: string,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${topology.url}/v1/queues/${queue}/${verb}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(note === undefined ? {} : { note }),
  });
  return { status: response.status, body: await response.json() };
}

describe.concurrent("a character outside the Basic Multilingual Plane", () => {
  it("in the reason of a cancel ends the request as cancelled, with the reason", async () => {
    const { lane, remote } = topology.at("cancelled");
    expect(await tell("cancelled", "pause")).toMatchObject({ status: 202 });
    const { sqid } = await lane.land(await remote.change("one", { "a.txt": "a\n" }));
    await lane.reaches(sqid, "building");
    expect(await lane.cancel(sqid, "not now 🚧 \ud800")).toMatchObject({ status: "cancelling" });
    expect(await lane.end(sqid)).toMatchObject({
      status: "cancelled",
      reason: { code: "cancelled.by_caller", message: expect.stringContaining("not now 🚧 \\ud800") },
    });
    expect(await remote.moves()).toBe(0);
  });

  it("in the note of a pause pauses the queue: what passes meanwhile does not land", async () => {
    const { lane, remote } = topology.at("paused");
    expect(await tell("paused", "pause", "release 🚀")).toMatchObject({
      status: 202,
      body: { mode: "paused", note: "release 🚀" },
    });
    const { sqid } = await lane.land(await remote.change("one", { "a.txt": "a\n" }));
    await lane.reaches(sqid, "built");
    expect(await remote.moves()).toBe(0);
    await tell("paused", "resume");
    expect(await lane.end(sqid)).toMatchObject({ status: "landed" });
  });

  it("in the output of a failed build is part of the reason", async () => {
    const { lane, remote } = topology.at("failing");
    expect(await lane.landed(await remote.change("one", { "a.txt": "a\n" }))).toMatchObject({
      status: "error",
      reason: { code: "build.failed", message: expect.stringContaining("tests went 🚀 and broke") },
    });
  });

  it("in the name of a branch, a file and an author lands", async () => {
    const { lane, remote } = topology.at("landing");
    const change = await remote.change("grüße-🚀", { "docs/🚀.md": "up\n" }, { by: "Zoë 𝒵 <zoe@example.invalid>" });
    expect(await lane.landed(change)).toMatchObject({ status: "landed" });
    expect(await remote.show("main", "docs/🚀.md")).toBe("up");
  });

  it("in the name of a file that conflicts ends the request, with the conflict as the reason", async () => {
    const { lane, remote } = topology.at("conflicting");
    const [one, two] = [
      await remote.change("one", { "🚀.txt": "one\n" }),
      await remote.change("two", { "🚀.txt": "two\n" }),
    ];
    expect(await lane.landed(one)).toMatchObject({ status: "landed" });
    expect(await lane.landed(two)).toMatchObject({ status: "error", reason: { code: "merge.conflict" } });
  });
});
