import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { gateway, withGateway } from "./each-gateway.ts";
import { change } from "./harness.ts";

withGateway();

// Time passes when a test says so: what a call does before it hangs may take as long as it takes.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** The `at`th AWS call of the gateway hangs from now on; returns what is awaited until it is made, and what ends it. */
function hanging(at: number) {
  const { promise: made, resolve: make } = Promise.withResolvers<void>();
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  gateway.interpose(at, () => {
    make();
    return answered;
  });
  return { made, answer };
}

const key = { "idempotency-key": "one" };
const land = () => gateway.land([change("a")], {}, key);
const listed = async () => (await gateway.get("/v1/queues/main/requests")).body.requests;

describe("a Land that AWS does not answer in time", () => {
  // With a key: BatchGet (key, mode, refusals), Update (number), Put (key), Put (summary), and then the announcement.
  it.each([1, 2, 3, 4])(
    "at call %i is answered with 503 and when to try again; its key then finds one request",
    async (at) => {
      const { made, answer } = hanging(at);
      gateway.hurry(2_000);
      const late = land();
      await made;
      await vi.advanceTimersByTimeAsync(1_000);
      expect(await late).toMatchObject({
        status: 503,
        headers: { "content-type": "application/problem+json", "retry-after": "5" },
        body: { status: 503, code: "service.overloaded", detail: expect.stringContaining("Idempotency-Key") },
      });
      gateway.hurry(undefined);
      const again = await land();
      answer();
      expect(again.status).toBe(202);
      expect((await land()).body.sqid).toBe(again.body.sqid);
      expect(await listed()).toMatchObject([{ sqid: again.body.sqid }]);
    },
  );

  it("is accepted all the same when only the announcement is late: that is left to the sweep", async () => {
    const { made, answer } = hanging(5);
    const accepted = land();
    await made;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await accepted).toMatchObject({ status: 202, body: { status: "accepted" } });
    expect(gateway.lines).toContainEqual(expect.objectContaining({ afterMs: 5_000 }));
    answer();
  });
});

describe("a call that can be answered", () => {
  it("is answered as ever when there is time", async () => {
    gateway.hurry(10_000);
    expect(await land()).toMatchObject({ status: 202 });
  });

  it("says when to try again when a table does not answer", async () => {
    gateway.fail({ at: 1, forever: true, effect: "none" });
    expect(await land()).toMatchObject({
      status: 503,
      headers: { "retry-after": "1" },
      body: { code: "store.unavailable" },
    });
  });
});
