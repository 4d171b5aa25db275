import { expect, it, vi } from "vitest";
import { lookUntil } from "../../../functions/handlers/gateway/waiting.ts";

/** Waits while each look takes so many seconds, and nothing else takes any. Answers how many looks there were. */
async function looksWithin(seconds: number, secondsPerLook: number, doneAfter = Number.POSITIVE_INFINITY) {
  let spent = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => spent);
  const look = async () => {
    spent += secondsPerLook * 1_000;
    return spent / secondsPerLook / 1_000;
  };
  const looks = await lookUntil(0, seconds, { look, isDone: (found) => found >= doneAfter });
  clock.mockRestore();
  return looks;
}

it("a caller waits no longer than asked for, and no longer than API Gateway does, when the tables answer slowly", async () => {
  expect(await looksWithin(10, 9)).toBe(2);
  expect(await looksWithin(1_000, 20)).toBe(2);
});

it("a caller waits no longer than it takes", async () => {
  expect(await looksWithin(0, 1)).toBe(0);
  expect(await looksWithin(25, 1, 1)).toBe(1);
});
