import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { FakeHttpCi, type HttpCourse, type HttpStart } from "../../localstack/fakes/http-ci.ts";
import { startTopology, type Topology } from "../support/topology.ts";
import { until } from "../support/wait.ts";
import { withoutTimeLimits } from "../support/without-time-limits.ts";

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const JUNIT = '<testsuite><testcase classname="cart" name="adds up"><failure/></testcase></testsuite>';

let topology: Topology;
let ci: FakeHttpCi;
let blind: FakeHttpCi;

/** As a CI system does it: fetches the ref, finds the commit on it, and goes by what the commit holds. */
function courseOf({ queue, ref, commit }: HttpStart): HttpCourse {
  const cwd = topology.at(queue).remote.path;
  const git = (...args: readonly string[]) => execFileSync("git", [...args], { cwd, encoding: "utf8" }).trim();
  if (git("rev-parse", ref) !== commit) return { result: "infrastructure", message: "the ref has moved" };
  const files = git("ls-tree", "--name-only", commit).split("\n");
  if (files.includes("hangs")) return { result: "hangs" };
  if (files.includes("fails")) return { result: "failed", message: "1 of 9 failed", junit: JUNIT, ms: 100 };
  // A trunk at once: its build has the limits of its queue, which are short where a limit is the subject.
  return { result: "passed", ms: commit === topology.at(queue).remote.start ? 0 : 100 };
}

/** A poll comes too late for these tests, but where the callbacks are lost: what they see, the CI system has reported. */
const queue = (url: string, more: object = {}) => ({
  buildRunner: { type: "http", url, signingSecret: "ci/signing", pollSeconds: 300, timeoutSeconds: 3_600, ...more },
});

beforeAll(async () => {
  withoutTimeLimits();
  vi.stubEnv("SUBMITQUEUE_SECRET_CI_SIGNING", SECRET);
  ci = await FakeHttpCi.start({ secret: SECRET, courseOf });
  blind = await FakeHttpCi.start({ secret: SECRET, courseOf, callsBack: false });
  topology = await startTopology({
    lands: queue(ci.url),
    hangs: queue(ci.url),
    slow: queue(ci.url, { timeoutSeconds: 10 }),
    lost: queue(blind.url, { pollSeconds: 2 }),
  });
});
afterAll(async () => {
  await topology.stop();
  await ci.stop();
  await blind.stop();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const at = (name: string) => topology.at(name);
const buildsOf = (name: string) => [...ci.builds.values()].filter(({ start }) => start.queue === name);

describe.concurrent("a queue that a CI system builds over HTTP", () => {
  it("lands what passed, and refuses what failed with the tests that failed", async () => {
    const { lane, remote } = at("lands");
    const good = await lane.land(await remote.change("good", { good: "1\n" }));
    const bad = await lane.land(await remote.change("bad", { fails: "1\n" }));
    expect(await lane.end(good.sqid)).toMatchObject({ status: "landed" });
    expect(await lane.end(bad.sqid)).toMatchObject({
      status: "error",
      reason: { code: "build.failed", message: "Failed tests: cart › adds up.\n1 of 9 failed" },
    });
    const [landed] = await remote.trunk();
    expect(buildsOf("lands").map(({ start }) => start.commit)).toContain(landed?.sha);
    for (const { start } of buildsOf("lands")) expect(start.ref).toMatch(/^refs\/heads\/submitqueue\/lands\//);
  });

  it("lands what passed although every callback is lost, a little later", async () => {
    const { lane, remote } = at("lost");
    expect(await lane.landed(await remote.change("good", { good: "1\n" }))).toMatchObject({ status: "landed" });
  });

  it("stops the build of a request that is cancelled", async () => {
    const { lane, remote } = at("hangs");
    const { sqid } = await lane.land(await remote.change("hangs", { hangs: "1\n" }));
    await lane.reaches(sqid, "building");
    await lane.cancel(sqid);
    expect(await lane.end(sqid)).toMatchObject({ status: "cancelled" });
    await until(() => buildsOf("hangs").every(({ state }) => state === "cancelled"));
    expect(buildsOf("hangs")).toHaveLength(1);
  });

  it("stops a build that takes too long, and says so", async () => {
    const { lane, remote } = at("slow");
    const { sqid } = await lane.land(await remote.change("hangs", { hangs: "1\n" }));
    expect(await lane.end(sqid)).toMatchObject({ status: "error", reason: { code: "build.timed_out" } });
    // The second is of the trunk itself, which no build of this new queue has passed on.
    expect(buildsOf("slow").map(({ state }) => state)).toEqual(["cancelled", "passed"]);
  });

  it("takes no callback without a signature, none of a build that is not known, and none that is no callback", async () => {
    const { lane, remote } = at("lands");
    await lane.landed(await remote.change("again", { again: "1\n" }));
    const [build] = buildsOf("lands");
    const callbackUrl = build?.start.callbackUrl ?? "";
    const post = async (body: string, method = "POST") =>
      (await fetch(callbackUrl, { method, ...(method === "POST" ? { body } : {}) })).status;
    const { key, commit } = build?.start ?? {};
    expect(await post(JSON.stringify({ key, commit, result: "passed" }))).toBe(401);
    expect(await post(JSON.stringify({ key: "0".repeat(32), commit, result: "passed" }))).toBe(404);
    expect(await post("passed")).toBe(400);
    expect(await post(" ".repeat(65_537))).toBe(413);
    expect(await post("", "GET")).toBe(405);
  });
});
