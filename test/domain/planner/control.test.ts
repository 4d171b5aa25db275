import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SignalOf } from "../../../functions/contracts/messages/signals.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { aQueue, QUEUE, World } from "./world.ts";

type Control = SignalOf<"queue-control">;
const control = (version: number, mode: Control["mode"], note?: string): Control => ({
  ...{ v: 1, kind: "queue-control", queue: QUEUE, mode, at: epochMs(version), version },
  ...(note === undefined ? {} : { note }),
});
const told = (...signals: readonly Control[]) => {
  const world = new World(aQueue());
  for (const signal of signals) {
    world.inbox.push(signal);
    world.run();
  }
  return world;
};

describe("a queue's control", () => {
  it("pauses with since when and why; open and draining end the pause", () => {
    expect(told(control(1, "paused", "release")).queueState.paused).toEqual({ since: 1, note: "release" });
    for (const mode of ["open", "draining"] as const) {
      const { queueState } = told(control(1, "paused"), control(2, mode));
      expect([queueState.paused, queueState.control]).toEqual([undefined, 2]);
    }
  });

  it("follows the newest signal, in any order and any number of times", () => {
    const modes = fc.constantFrom("open", "paused", "draining");
    fc.assert(
      fc.property(fc.array(modes, { minLength: 1, maxLength: 6 }), fc.array(fc.nat(5)), (words, repeats) => {
        const all = words.map((mode, index) => control(index + 1, mode));
        const order = [...repeats.flatMap((n) => all[n] ?? []), ...all.toReversed()];
        expect(told(...order).queueState.paused).toEqual(told(all.at(-1) as Control).queueState.paused);
      }),
    );
  });

  it("that says nothing new changes nothing", () => {
    const world = told(control(3, "paused"));
    for (const old of [control(3, "paused"), control(3, "open"), control(2, "open")])
      expect(world.plan([old])).toEqual(world.plan([]));
  });

  it("lets what is building go on while the queue is paused, and lands nothing before it is resumed", () => {
    const world = new World(aQueue());
    world.inbox.push(control(1, "paused"));
    world.ready(1, ["a"]);
    world.run();
    for (const build of world.running()) world.finish(build);
    world.run();
    world.ready(2, ["b"]);
    world.run();
    expect([world.running().length, world.merges.length]).toEqual([1, 0]);
    world.inbox.push(control(2, "open"));
    world.drain();
    expect(world.trunk).toEqual([1, 2]);
  });

  it("does not stop a landing that runway was told of before", () => {
    const world = new World(aQueue());
    world.ready(1, ["a"]);
    world.run();
    for (const build of world.running()) world.finish(build);
    world.run();
    world.inbox.push(control(1, "paused"));
    world.run();
    expect([...world.live.values()].map(({ state }) => state)).toEqual(["landing"]);
    world.land();
    world.run();
    expect(world.stateOf(1)).toBe("landed");
  });
});
