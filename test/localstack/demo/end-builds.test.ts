import { join } from "node:path";
import { expect, it } from "vitest";
import { endBuilds } from "../../../localstack/demo/end-builds.ts";
import { finish } from "../../adapters/build-runner/contract.ts";
import { commandWorld, SCRIPTS } from "../command-runner/command-world.ts";

it("stops the builds that still run, and leaves what has ended as it is", async () => {
  const world = await commandWorld();
  const [ended, running] = [await world.scripted(SCRIPTS.passes), await world.scripted(SCRIPTS.hangs)];
  await world.open().trigger(ended);
  await finish(world.open(), ended);
  await world.open().trigger(running);
  await endBuilds(world.workDirectory);
  expect(await finish(world.open(), running)).toMatchObject({ result: "cancelled" });
  expect(await world.open().status(ended)).toMatchObject({ result: "passed" });
});

it("does nothing where nothing was built", async () => {
  const world = await commandWorld();
  await expect(endBuilds(join(world.root, "nowhere"))).resolves.toBeUndefined();
});
