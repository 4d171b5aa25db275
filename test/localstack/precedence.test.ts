import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { precedence } from "../../localstack/embedded/precedence.ts";

describe("the precedence of calls", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** When `order` lets work begin, in milliseconds from now. Undefined as long as it has not. */
  function workOf(order: ReturnType<typeof precedence>): {
    readonly begunAfterMs: number | undefined;
    readonly isQuiet: boolean | undefined;
  } {
    const asked = Date.now();
    const work: { begunAfterMs: number | undefined; isQuiet: boolean | undefined } = {
      begunAfterMs: undefined,
      isQuiet: undefined,
    };
    order.afterCalls((isQuiet) => {
      work.begunAfterMs = Date.now() - asked;
      work.isQuiet = isQuiet;
    });
    return work;
  }

  const callOf = (order: ReturnType<typeof precedence>, ms: number) =>
    order.call(new Promise<void>((resolve) => setTimeout(resolve, ms)));

  it("lets work begin at once when no call is being answered", () => {
    expect(workOf(precedence())).toEqual({ begunAfterMs: 0, isQuiet: true });
  });

  it("lets work begin when the last of the calls has been answered", async () => {
    const order = precedence();
    const calls = [callOf(order, 40), callOf(order, 100)];
    const works = [workOf(order), workOf(order)];
    await vi.advanceTimersByTimeAsync(99);
    expect(works.map(({ begunAfterMs }) => begunAfterMs)).toEqual([undefined, undefined]);
    await vi.advanceTimersByTimeAsync(1);
    await Promise.all(calls);
    expect(works).toEqual(works.map(() => ({ begunAfterMs: 100, isQuiet: true })));
  });

  it("lets work begin when a call has failed, and passes the error on", async () => {
    const order = precedence();
    const call = order.call(Promise.reject(new Error("no")));
    const work = workOf(order);
    await expect(call).rejects.toThrow("no");
    expect(work.begunAfterMs).toBe(0);
  });

  it("is not held up by a call that waits for something itself", async () => {
    const order = precedence();
    const call = callOf(order, 20_000);
    const work = workOf(order);
    await vi.advanceTimersByTimeAsync(20_000);
    await call;
    expect(work.begunAfterMs).toBe(250);
  });

  it("lets work begin after two seconds, and says that calls go on, however many calls come", async () => {
    const order = precedence();
    const calls: Promise<void>[] = [];
    const timer = setInterval(() => calls.push(callOf(order, 100)), 50);
    await vi.advanceTimersByTimeAsync(60);
    const work = workOf(order);
    await vi.advanceTimersByTimeAsync(5_000);
    clearInterval(timer);
    await vi.advanceTimersByTimeAsync(100);
    await Promise.all(calls);
    expect(work).toEqual({ begunAfterMs: 2_000, isQuiet: false });
  });

  it("lets gathered messages go when nothing has run for 20 ms, or when their time is up", async () => {
    const order = precedence();
    const begun: (readonly [string, number])[] = [];
    const asked = Date.now();
    const note = (name: string) => () => begun.push([name, Date.now() - asked]);
    const work = (ms: number) => order.work(new Promise<void>((resolve) => setTimeout(resolve, ms)));
    order.afterWork(note("nothing runs"), 1_000);
    await vi.advanceTimersByTimeAsync(20);
    // From one state of a workflow to the next.
    const states = [work(10)];
    order.afterWork(note("the last state has ended"), 1_000);
    await vi.advanceTimersByTimeAsync(25);
    states.push(work(10));
    await vi.advanceTimersByTimeAsync(55);
    await Promise.all(states);
    const works = [40, 3_000].map(work);
    order.afterWork(note("time is up"), 1_000);
    order.afterWork(note("all have ended"), 5_000);
    await vi.advanceTimersByTimeAsync(3_000);
    await Promise.all(works);
    await vi.advanceTimersByTimeAsync(20);
    expect(begun).toEqual([
      ["nothing runs", 20],
      ["the last state has ended", 75],
      ["time is up", 1_100],
      ["all have ended", 3_120],
    ]);
  });
});
