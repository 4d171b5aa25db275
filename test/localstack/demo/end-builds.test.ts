import { join } from "node:path";
import { expect, it } from "vitest";
import { endBuilds } from "../../../localstack/demo/end-builds.ts";
import { commandWorld, SCRIPTS } from "../../adapters/build-runner/command-world.ts";
import { finish } from "../../adapters/build-runner/contract.ts";

it("stops the builds that still run, and leaves what has ended as it is", async () => {
  const world = await commandWorld();
  const [ended, running] = [await world.scripted(SCRIPTS.passes), await world.scripted(SCRIPTS.hangs)];
  await world.open().trigger(ended);
  await finish(world.open(), ended.key);
  await world.open().trigger(running);
  await endBuilds(world.workDirectory);
  expect(await finish(world.open(), running.key)).toMatchObject({ result: "cancelled" });
  expect(await world.open().status(ended.key)).toMatchObject({ result: "passed" });
});

it("does nothing where nothing was built", async () => {
  const world = await commandWorld();
  await expect(endBuilds(join(world.root, "nowhere"))).resolves.toBeUndefined();
});
