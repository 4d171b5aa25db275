import { expect, it } from "vitest";
import { ApiError } from "../../client/api-error.ts";
import { Patience } from "../../client/patience.ts";

const tooMany = new ApiError({ kind: "refused", status: 429 }, "too many calls", undefined);

it("the time between two tries grows with each that fails, up to sixteenfold, and half of it is left to chance", () => {
  const patience = new Patience();
  expect(patience.pauseMs(1_000)).toBe(1_000);
  const waits = [0, 1].map((chance) => {
    patience.answered();
    return Array.from({ length: 7 }, () => {
      patience.bear(tooMany);
      return patience.pauseMs(1_000, () => chance);
    });
  });
  expect(waits).toEqual([
    [1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000],
    [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000],
  ]);
  patience.answered();
  expect(patience.pauseMs(1_000)).toBe(1_000);
});
