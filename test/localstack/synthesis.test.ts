import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { QueuesConfig } from "../../functions/contracts/queues.ts";
import { QueuesFileError } from "../../lib/queues-file.ts";
import { openStateDirectory, type StateDirectory } from "../../localstack/embedded/state-directory.ts";
import { synthesizeApart } from "../../localstack/embedded/synthesis.ts";
import { synthesizeHere } from "../../localstack/embedded/synthesize.ts";
import { aStateDirectory } from "./fixture/runtime.ts";

const queue = { name: "shop", repository: { remote: "/tmp/shop.git" }, buildRunner: { type: "fake" } };
const queues = QueuesConfig.parse({ queues: [queue] });

const states: StateDirectory[] = [];
afterEach(() => {
  for (const state of states.splice(0)) state.release();
});

function aState(): StateDirectory {
  const state = openStateDirectory(aStateDirectory());
  states.push(state);
  return state;
}

it("makes the same templates in a process of its own as in this one", async () => {
  const state = aState();
  const apart = await synthesizeApart(state, queues, "none");
  expect([...apart.keys()].length).toBeGreaterThanOrEqual(4);
  expect(apart).toEqual(await synthesizeHere(state, queues, "none"));
});

it("says what is wrong with queues that cannot run here", async () => {
  const state = aState();
  const unreviewed = QueuesConfig.parse({ queues: [{ ...queue, squashMessage: "pull-request" }] });
  await expect(synthesizeApart(state, unreviewed, "none")).rejects.toThrow(
    new QueuesFileError(["queues[0].squashMessage: a pull request can say it only with changeProvider github"]),
  );
});

it("fails with what stopped it", async () => {
  const state = aState();
  writeFileSync(join(state.root, "cdk.out"), "a file in the way");
  const order = { ...state, directory: (name: string) => join(state.root, name) };
  await expect(synthesizeApart(order, queues, "none")).rejects.toThrow(/cdk\.out/);
});
