import { describe, expect, it } from "vitest";
import type { Sqid } from "../../../functions/contracts/ids.ts";
import { statusEvent } from "../../../functions/contracts/log-event.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { gateway, withGateway } from "./each-gateway.ts";
import { change, type Failure, START } from "./harness.ts";

withGateway();

const failures = (calls: number, forever: boolean): Failure[] =>
  Array.from({ length: calls }, (_, i) => i + 1).flatMap((at) =>
    (["none", "done"] as const).map((effect) => ({ at, effect, forever })),
  );

const kinds = () => gateway.sent().map(({ kind }) => kind);
/** Everything that reads of request n agree on; undefined when none of them knows it. */
const standing = async (n: number) => {
  const of = `/v1/queues/main/requests/${n}`;
  const [summary, history, list, byChange] = await Promise.all([
    gateway.get(of),
    gateway.get(`${of}/history`),
    gateway.get("/v1/queues/main/requests"),
    gateway.get(`/v1/queues/main/requests?change=${encodeURIComponent(change("a"))}`),
  ]);
  const listed = [list, byChange].map(({ body }) =>
    body.requests.filter(({ number }: { number: number }) => number === n),
  );
  if (summary.status === 404) {
    expect([history.status, ...listed.map(({ length }) => length)]).toEqual([404, 0, 0]);
    return undefined;
  }
  for (const found of listed) expect(found).toEqual([summary.body]);
  return { ...summary.body, history: history.body.events.map(({ status }: { status: string }) => status) };
};

const sweepLater = async () => {
  gateway.heal();
  gateway.clock.at += 61_000;
  await gateway.sweep();
};

// BatchGet (mode, refusals), Update (number), Put (summary), SendMessage.
const LAND_CALLS = 4;
const ACCEPTED_AT = 3;

describe("a Land that crashes", () => {
  it.each([...failures(LAND_CALLS, false), ...failures(LAND_CALLS, true)])(
    "at its call $at (effect $effect, the later ones too: $forever) is either whole after a sweep, or never was",
    async (failure) => {
      gateway.fail(failure);
      const { status } = await gateway.land([change("a")]);
      const accepted = failure.at > ACCEPTED_AT || (failure.at === ACCEPTED_AT && failure.effect === "done");
      expect(status).toBe(failure.at > ACCEPTED_AT ? 202 : 503);
      await sweepLater();
      const request = await standing(1);
      if (accepted) expect(request).toMatchObject({ sqid: "main/1", status: "accepted", history: ["accepted"] });
      else expect(request).toBeUndefined();
      expect(kinds()).toEqual(accepted ? ["land"] : []);
    },
  );

  // With a key: BatchGet (key, mode, refusals), Update, Put (key), Put (summary), SendMessage.
  it.each(failures(LAND_CALLS + 1, true))(
    "at its call $at (effect $effect), and is repeated under its key, is one request",
    async (failure) => {
      const key = { "idempotency-key": "k" };
      gateway.fail(failure);
      await gateway.land([change("a")], {}, key);
      gateway.heal();
      gateway.clock.at += 61_000;
      const { status, body } = await gateway.land([change("a")], {}, key);
      expect(status).toBe(202);
      // Whole at once: nothing is left to the sweep.
      expect(await standing(body.number)).toMatchObject({ ...body, history: ["accepted"] });
      expect(kinds()).toEqual(["land"]);
      await gateway.sweep();
      expect((await gateway.get("/v1/queues/main/requests")).body.requests).toHaveLength(1);
    },
  );

  it("and is repeated under its key after a sweep is still made whole", async () => {
    const key = { "idempotency-key": "k" };
    gateway.fail({ at: 4, effect: "none" });
    expect((await gateway.land([change("a")], {}, key)).status).toBe(503);
    await sweepLater();
    // The repeat crashes right behind its summary, and a sweep that is not yet due leaves it alone.
    gateway.fail({ at: 5, effect: "none", forever: true });
    expect((await gateway.land([change("a")], {}, key)).status).toBe(202);
    gateway.heal();
    expect(kinds()).toEqual([]);
    await sweepLater();
    expect(await standing(1)).toMatchObject({ status: "accepted", history: ["accepted"] });
    expect(kinds()).toEqual(["land"]);
  });
});

describe("a Cancel that crashes", () => {
  // BatchGet, Put (summary), BatchWrite (log), SendMessage (land again), SendMessage.
  it.each([...failures(5, false), ...failures(5, true)])(
    "at its call $at (effect $effect, the later ones too: $forever) is whole after a sweep once it left a mark, and after a repeat",
    async (failure) => {
      await gateway.land([change("a")]);
      gateway.fail(failure);
      expect((await gateway.cancel(1, { body: { reason: "wrong" } })).status).toBe(503);
      const marked = failure.at > 2 || (failure.at === 2 && failure.effect === "done");
      await sweepLater();
      const whole = { status: "cancelling", reason: { message: "wrong" }, history: ["accepted", "cancelling"] };
      if (marked) expect(await standing(1)).toMatchObject(whole);
      expect(kinds()).toEqual(marked ? ["land", "cancel"] : ["land"]);
      expect((await gateway.cancel(1, { body: { reason: marked ? "other" : "wrong" } })).status).toBe(202);
      expect(await standing(1)).toMatchObject(whole);
      expect(kinds()).toEqual(["land", "cancel"]);
    },
  );

  it("behind a Land that was never sent: the Land goes first", async () => {
    gateway.fail({ at: ACCEPTED_AT + 1, effect: "none", forever: true });
    await gateway.land([change("a")]);
    gateway.heal();
    expect(kinds()).toEqual([]);
    await gateway.cancel(1);
    expect(kinds()).toEqual(["land", "cancel"]);
  });
});

describe("a sweep", () => {
  const answer = (status: "started" | "cancelled") =>
    gateway.deliver(statusEvent("main/1" as Sqid, status, epochMs(START + 5), { version: 1 }));
  const halfDone = async (queue = "main") => {
    gateway.fail({ at: ACCEPTED_AT + 1, effect: "none", forever: true });
    await gateway.land([change("a")], {}, {}, queue);
    gateway.heal();
  };

  it("leaves alone what is younger than a minute", async () => {
    await halfDone();
    gateway.clock.at += 59_999;
    await gateway.sweep();
    expect(kinds()).toEqual([]);
    gateway.clock.at += 1;
    await gateway.sweep();
    expect(kinds()).toEqual(["land"]);
  });

  it("costs one Query and one per queue when there is nothing to do, and so it is once all that ended is archived", async () => {
    await gateway.sweep();
    await gateway.land([change("a")]);
    await gateway.cancel(1);
    await answer("cancelled");
    gateway.clock.at += 61_000;
    expect((await gateway.costOf(() => gateway.sweep())).toSorted()).toEqual([
      ...["Delete", "Put", "Put"],
      ...Array(4).fill("Query"),
    ]);
    expect(await gateway.costOf(() => gateway.sweep())).toEqual(Array(4).fill("Query"));
    expect(await standing(1)).toMatchObject({ status: "cancelled" });
  });

  it("sends a Cancel again until its request has ended", async () => {
    await gateway.land([change("a")]);
    await answer("started");
    await gateway.cancel(1);
    gateway.clock.at += 61_000;
    expect((await gateway.costOf(() => gateway.sweep())).filter((call) => call === "SendMessage")).toHaveLength(2);
    await answer("cancelled");
    expect((await gateway.costOf(() => gateway.sweep())).filter((call) => call === "SendMessage")).toHaveLength(0);
  });

  it.each(failures(7, true))(
    "that crashes at its call $at (effect $effect) says so, and the next one finishes",
    async (failure) => {
      await halfDone();
      await gateway.land([change("b")], {}, {}, "other");
      gateway.clock.at += 61_000;
      gateway.fail(failure);
      await expect(gateway.sweep()).rejects.toThrow();
      gateway.heal();
      await gateway.sweep();
      expect(await standing(1)).toMatchObject({ status: "accepted", history: ["accepted"] });
      expect(kinds().toSorted()).toEqual(["land", "land"]);
    },
  );

  it("one broken queue does not keep it from the others", async () => {
    await halfDone("main");
    await halfDone("other");
    gateway.clock.at += 61_000;
    // The queues are swept at the same time, another one first each minute.
    gateway.fail({ at: 1, effect: "none" });
    await expect(gateway.sweep()).rejects.toMatchObject({ code: "store.unavailable" });
    expect(gateway.sent().map(({ queue }) => queue)).toEqual(["main"]);
    expect(gateway.lines.filter(({ msg }) => String(msg).startsWith("not repaired"))).toHaveLength(1);
  });
});
