import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Build, type BuildsStore, buildsStore } from "../../../functions/adapters/dynamodb/builds-store.ts";
import { type Dynalite, startDynalite } from "../../support/dynalite.ts";

let dynalite: Dynalite;
let builds: BuildsStore;
beforeAll(async () => {
  dynalite = await startDynalite("builds");
  builds = buildsStore(dynalite.client, "builds");
});
afterAll(() => dynalite.stop());

const aBuild = (key: string, deadline = 2_000): Build =>
  Build.parse({
    buildKey: key.repeat(32),
    queue: "main",
    batchId: "main/batch/1",
    composed: { commit: "a".repeat(40), tree: "b".repeat(40), trunk: "c".repeat(40) },
    startedAt: 1_000,
    deadline,
  });

describe("the builds store", () => {
  it("creates a build once, so that its first deadline stands", async () => {
    const build = aBuild("1");
    expect(await builds.create(build)).toBe(true);
    expect(await builds.create(aBuild("1", 9_000))).toBe(false);
    expect(await builds.get(build.buildKey)).toEqual(build);
  });

  it("notes what became known of a build that exists, and makes none up", async () => {
    const build = aBuild("2");
    await builds.create(build);
    await builds.note(build.buildKey, { url: "https://ci.example/2" });
    await builds.note(build.buildKey, { stop: "deadline" });
    expect(await builds.get(build.buildKey)).toEqual({ ...build, url: "https://ci.example/2", stop: "deadline" });
    const unknown = aBuild("3").buildKey;
    await builds.note(unknown, { stop: "unwanted" });
    expect(await builds.get(unknown)).toBeUndefined();
  });
});
