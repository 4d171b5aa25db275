import { expect, it } from "vitest";
import { LOST, retryOnConflict } from "../../../functions/adapters/dynamodb/retry-on-conflict.ts";

it("repeats an attempt until its write succeeds, and answers what it answered, also when that is nothing", async () => {
  const answers = [LOST, LOST, undefined];
  expect(await retryOnConflict("the item", async () => answers.shift())).toBeUndefined();
  expect(answers).toEqual([]);
});

it("gives up after ten losses, with an error that names the item", async () => {
  let attempts = 0;
  const losing = retryOnConflict("the item", async () => {
    attempts += 1;
    return LOST;
  });
  await expect(losing).rejects.toMatchObject({ code: "store.version_conflict", message: "the item changes too fast" });
  expect(attempts).toBe(10);
});

it("passes an error on at once", async () => {
  let attempts = 0;
  const failing = retryOnConflict("the item", async () => {
    attempts += 1;
    throw new Error("away");
  });
  await expect(failing).rejects.toThrow("away");
  expect(attempts).toBe(1);
});
