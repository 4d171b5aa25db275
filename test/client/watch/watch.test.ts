import { PassThrough } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../../../client/api-error.ts";
import type { Snapshot } from "../../../client/watch/row.ts";
import { openScreen } from "../../../client/watch/screen.ts";
import { watch } from "../../../client/watch/watch.ts";
import { untilPasses } from "../../support/wait.ts";

const snapshot = (status: "landing" | "landed"): Snapshot => ({
  heading: "",
  rows: [{ sqid: "main/1", status, title: "", receivedAt: 0, builds: [] }],
});
const landed = ({ rows }: Snapshot) => rows.every(({ status }) => status === "landed");
const unreachable = new ApiError({ kind: "unreachable" }, "no answer", undefined);
const refused = new ApiError({ kind: "refused", status: 404 }, "no such queue", undefined);

/** Looks that find these, one after the other; the last one for ever. */
function looks(...found: readonly (Snapshot | Error)[]) {
  let at = 0;
  return async () => {
    const next = found[Math.min(at, found.length - 1)];
    at += 1;
    if (next instanceof Error) throw next;
    if (next === undefined) throw new Error("nothing is to be found");
    return next;
  };
}

describe("watching", () => {
  afterEach(() => vi.useRealTimers());

  const watching = (look: () => Promise<Snapshot>, signal = new AbortController().signal) => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const seen: Snapshot[] = [];
    return { seen, ended: watch({ look, isOver: landed, signal, show: (next) => seen.push(next), everyMs: 1 }) };
  };

  it("ends when all has landed, and goes on through calls without an answer, which it tells of", async () => {
    const { seen, ended } = watching(looks(snapshot("landing"), unreachable, snapshot("landed")));
    expect(await ended).toEqual(snapshot("landed"));
    expect(seen.map(({ notice }) => notice?.includes("trying again") ?? false)).toEqual([false, true, false]);
  });

  it("gives up when the first call fails, when the API refuses, and when it is silent for two minutes", async () => {
    await expect(watching(looks(unreachable)).ended).rejects.toBe(unreachable);
    await expect(watching(looks(snapshot("landing"), refused)).ended).rejects.toBe(refused);
    const { ended, seen } = watching(looks(snapshot("landing"), unreachable));
    await untilPasses(() => expect(seen.length).toBeGreaterThan(3));
    vi.advanceTimersByTime(121_000);
    await expect(ended).rejects.toBe(unreachable);
  });

  it("goes on when the computer has slept: the time counts from the first call that failed", async () => {
    let looked = 0;
    const look = async () => {
      looked += 1;
      if (looked === 1) return snapshot("landing");
      if (looked === 3) return snapshot("landed");
      vi.advanceTimersByTime(3_600_000);
      throw unreachable;
    };
    const { ended, seen } = watching(look);
    expect(await ended).toEqual(snapshot("landed"));
    expect(seen.map(({ notice }) => notice)).toEqual([
      undefined,
      expect.stringMatching(/^No answer for 0 s/),
      undefined,
    ]);
  });

  it("ends at once when the reader has seen enough, also while a call hangs", async () => {
    const quitting = new AbortController();
    const { ended } = watching(() => new Promise(() => {}), quitting.signal);
    quitting.abort();
    expect(await ended).toBeUndefined();
  });
});

describe("the screen", () => {
  it("draws at each key and each change of size, and gives the keyboard back when it is closed", () => {
    const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 10 });
    const modes: boolean[] = [];
    const input = Object.assign(new PassThrough(), { setRawMode: (raw: boolean) => modes.push(raw) });
    const written = () => String(output.read() ?? "");
    const quit = vi.fn();
    const terminal = { output, input, colours: false } as unknown as Parameters<typeof openScreen>[0];
    const screen = openScreen(terminal, quit, () => 0);
    const rows = Array.from({ length: 30 }, (_, i) => ({ ...snapshot("landing").rows[0], sqid: `main/${i + 1}` }));
    screen.show({ heading: "Queue main", rows } as Snapshot);
    expect(written()).toContain("1-4 of 30");
    input.write("G");
    expect(written()).toContain("27-30 of 30");
    output.rows = 14;
    output.emit("resize");
    expect(written()).toContain("23-30 of 30");
    screen.say("a line that stays");
    expect(written()).toContain("a line that stays\n");
    input.write("q");
    expect(quit).toHaveBeenCalledOnce();
    screen.close();
    screen.close();
    input.write("q");
    expect(modes).toEqual([true, false]);
    expect([quit.mock.calls.length, output.listenerCount("resize"), input.isPaused()]).toEqual([1, 0, true]);
  });
});
