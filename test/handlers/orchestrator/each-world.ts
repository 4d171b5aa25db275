import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { type Dynalite, startDynalite } from "../../support/dynalite.ts";
import { World } from "./world.ts";

/** The world of the test that runs. */
export let world: World;
/** The emulator of the file that runs: its worlds have tables of their own there. */
export let dynalite: Dynalite;

/** Gives each test of the file a world of its own. Called at the top of a file, before hooks that prepare the world further. */
export function withWorld(): void {
  beforeAll(async () => {
    dynalite = await startDynalite();
  });
  afterAll(() => dynalite.stop());
  beforeEach(async () => {
    world = await World.open(dynalite);
  });
  afterEach(() => world.close());
}
