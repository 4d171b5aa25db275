import { describe, expect, it } from "vitest";
import type { BuildVerdict } from "../../../functions/contracts/messages/signals.ts";
import { reasonOf } from "../../../functions/contracts/reasons.ts";
import { foldProgress, NO_PROGRESS } from "../../../functions/domain/progress.ts";
import { aQueue, type BuildRecord, finish, sqid, World } from "./world.ts";

const worldOf = (config = {}): World => new World(aQueue(config), { bad: new Set(), clashes: [] });
const entriesOf = (world: World, n: number) => [...world.log.values()].filter((entry) => entry.sqid === sqid(n));
const eventsOf = (world: World, n: number) => entriesOf(world, n).filter(({ kind }) => kind === "event");
const firstBuild = (world: World): BuildRecord => {
  const [build] = world.running();
  if (build === undefined) throw new Error("no build runs");
  return build;
};

describe("what the log is told of a build", () => {
  const reason = reasonOf("build.failed", "two tests failed");
  const composed = { commit: "a".repeat(40), tree: "b".repeat(40), trunk: "c".repeat(40) } as never;

  it.each<[string, BuildVerdict, string | undefined]>([
    ["passed", { kind: "passed", composed }, "built"],
    ["failed", { kind: "failed", reason, composed }, "build_failed"],
    ["infrastructure", { kind: "infrastructure", reason }, "build_failed"],
    ["cancelled", { kind: "cancelled" }, "build_stopped"],
    ["refuted", { kind: "refuted", batchId: "q/batch/9" as never }, "build_stopped"],
    ["unchanged", { kind: "unchanged", trunk: "c".repeat(40) as never }, undefined],
  ])("follows from the verdict %s, and a repeat of the verdict tells it once", (_, verdict, event) => {
    const world = worldOf();
    world.ready(1, ["a"]);
    world.run();
    const build = firstBuild(world);
    for (let times = 0; times < 2; times++) world.report(build, verdict);
    world.run();
    const told = eventsOf(world, 1).filter((entry) => "event" in entry && entry.event === event);
    expect(told.map(({ metadata }) => [metadata["build_key"], metadata["batch_id"], metadata["attempt"]])).toEqual(
      event === undefined ? [] : [[build.key, "q/batch/1", 1]],
    );
    if (event === "build_failed") expect(told[0]?.reason?.message).toBe("two tests failed");
  });

  it.each([
    ["which the CI system names", 300_000, 300_000],
    ["before the build was decided, by the CI system's clock", -5_000, 0],
    ["in the future, by the CI system's clock", 99_000_000, 7_200_000],
    ["which the CI system does not name", undefined, 7_200_000],
  ])("counts the time up to the end, %s, of a build that is seen two hours later", (_, said, tookMs) => {
    const world = worldOf();
    world.ready(1, ["a"]);
    world.run();
    const build = firstBuild(world);
    const startedAt = world.live.get(build.batchId)?.paths[0]?.startedAt ?? 0;
    world.report(build, { kind: "passed", composed });
    Object.assign(world.inbox.at(-1) ?? {}, said === undefined ? {} : { endedAt: startedAt + said });
    world.time = startedAt + 7_200_000 - 1;
    world.run();
    const { builds } = entriesOf(world, 1).reduce(foldProgress, NO_PROGRESS);
    expect((builds[0]?.endedAt ?? 0) - startedAt).toBe(tookMs);
    expect(world.queueState.history?.buildMs?.[1]).toBe(tookMs);
  });

  it("is told each request of a bundle, with the names of the others", () => {
    const world = worldOf({ bundle: { maxSize: 3 }, budget: 1 });
    for (const n of [1, 2, 3]) world.ready(n, ["a"]);
    world.run();
    const bundle = [...world.builds.values()].find(({ head }) => head.length > 1);
    if (bundle === undefined) throw new Error("no bundle is built");
    finish(world, bundle.head);
    for (const n of bundle.head) {
      const [built] = eventsOf(world, n).filter((entry) => "event" in entry && entry.event === "built");
      const others = bundle.head.filter((other) => other !== n);
      expect(built?.metadata).toMatchObject({ batch_id: bundle.batchId, with: others.join(" ") });
    }
  });

  it("comes after the news that the request is validated, with its version and the author of its pull request", () => {
    const world = worldOf();
    world.ready(1, ["a"], { version: 3, author: "ann" });
    world.run();
    expect(entriesOf(world, 1)[0]).toMatchObject({ status: "validated", version: 3, metadata: { author: "ann" } });
  });
});
