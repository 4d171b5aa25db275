import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { QueuesConfig } from "../../../functions/contracts/queues.ts";
import { type Gateway, type Rig, rig } from "./harness.ts";

/** The gateway of the test that runs. */
export let gateway: Gateway;
/** The emulators of the file that runs. */
export let emulators: Rig;

/** Gives each test of the file a gateway of its own. Called at the top of a file, before hooks that prepare the gateway further. */
export function withGateway(queues?: QueuesConfig, ...opened: Parameters<Rig["open"]>): void {
  beforeAll(async () => {
    emulators = await rig(queues);
  });
  afterAll(() => emulators.stop());
  beforeEach(async () => {
    gateway = await emulators.open(...opened);
  });
  afterEach(() => gateway.close());
}
