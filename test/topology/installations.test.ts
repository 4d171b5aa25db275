import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { QueuesConfig } from "../../functions/contracts/queues.ts";
import { type Runtime, startRuntime } from "../../localstack/embedded/runtime.ts";
import { synthesizeHere as synthesize } from "../../localstack/embedded/synthesize.ts";
import { jittery } from "../support/jitter.ts";
import { Lane } from "./lane.ts";
import { CHECK, PROJECT } from "./project.ts";
import { aRemote } from "./remote.ts";

const running = new Set<Runtime>();
const homes = new Set<string>();
afterEach(async () => {
  await Promise.all([...running].map((runtime) => runtime.stop()));
  running.clear();
  await Promise.all([...homes].map((home) => rm(home, { recursive: true, force: true, maxRetries: 10 })));
  homes.clear();
});

const COMMAND = { type: "command", command: CHECK, pollSeconds: 1, timeoutSeconds: 600 };
const FAKE = { type: "fake", pollSeconds: 1 };

/** Installations of one queue onto one repository, and the directories that they keep their state in. */
async function place(buildRunner: object) {
  const home = await mkdtemp(join(tmpdir(), "submitqueue-installations-"));
  homes.add(home);
  const remote = await aRemote(home, "shop", PROJECT);
  const queues = QueuesConfig.parse({ queues: [{ name: "main", repository: { remote: remote.path }, buildRunner }] });
  const start = async (state: string) => {
    const runtime = await startRuntime({
      synthesize,
      ...jittery(),
      queues,
      stateDirectory: join(home, state),
      quiet: true,
    });
    running.add(runtime);
    return { runtime, lane: new Lane(runtime.url ?? "", "main"), post: poster(runtime.url ?? "") };
  };
  return { home, remote, start };
}

const poster = (url: string) => (verb: string) =>
  fetch(`${url}/v1/queues/main/${verb}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });

/** What is destroyed with the stacks of an installation. The runner keeps what it knows. */
async function destroy(home: string, state: string, runtime: Runtime): Promise<void> {
  await runtime.stop();
  running.delete(runtime);
  for (const part of ["tables", "topics", "workflows"]) await rm(join(home, state, part), { recursive: true });
}

const GOOD = { "good.txt": "good\n" };
const BAD = { "lib/bad.needs": "lib/nowhere\n" };

it.each([
  ["command", COMMAND, undefined],
  ["fake", FAKE, "build-fail"],
])("a queue that is deployed again beside what the runner %s knows builds anew", async (_, buildRunner, failing) => {
  const { home, remote, start } = await place(buildRunner);
  const bad = await remote.change("bad", BAD, failing === undefined ? {} : { marker: failing });
  const first = await start("state");
  // Nothing may land here: this is about builds, and a landing would be seen in the remote.
  expect((await first.post("pause")).status).toBe(202);
  expect(await first.lane.landed(bad)).toMatchObject({ sqid: "main/1", status: "error" });
  const passing = await first.lane.land(await remote.change("passing", { "passing.txt": "1\n" }));
  await first.lane.reaches(passing.sqid, "built");
  await destroy(home, "state", first.runtime);

  const second = await start("state");
  const good = await second.lane.land(await remote.change("good", GOOD));
  expect(await second.lane.end(good.sqid)).toMatchObject({ sqid: "main/1", status: "landed" });
  const again = await remote.change("again", BAD, failing === undefined ? {} : { marker: failing });
  expect(await second.lane.landed(again)).toMatchObject({ sqid: passing.sqid, status: "error" });
  expect((await remote.trunk()).map(({ subject }) => subject)).toEqual(["good 1"]);
});

it("two installations of one queue onto one repository take over no verdict from each other", async () => {
  const { remote, start } = await place(COMMAND);
  const [one, other] = [await start("one"), await start("other")];
  const [bad, good] = [await remote.change("bad", BAD), await remote.change("good", GOOD)];
  const ends = await Promise.all([one.lane.landed(bad), other.lane.landed(good)]);
  expect(ends).toMatchObject([
    { sqid: "main/1", status: "error" },
    { sqid: "main/1", status: "landed" },
  ]);
  expect((await remote.trunk()).map(({ subject }) => subject)).toEqual(["good 1"]);
});
