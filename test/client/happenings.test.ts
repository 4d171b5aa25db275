import { describe, expect, it } from "vitest";
import { happeningOf } from "../../client/happenings.ts";
import type { HistoryEntry } from "../../functions/contracts/api/request-views.ts";
import { Blocker, type Happening, type Status } from "../../functions/contracts/log-event.ts";

const entry = (about: Pick<HistoryEntry, "status" | "event">, metadata: HistoryEntry["metadata"] = {}): HistoryEntry =>
  ({ id: "1", at: "2026-01-01T10:00:00.000Z", metadata, ...about }) as HistoryEntry;

describe("an entry of a history, in words", () => {
  it("says as which commit a request landed, and which requests another waits for", () => {
    expect(happeningOf(entry({ status: "landed" }, { commit: "0123456789abcdef" }))).toBe("Landed as 0123456789ab");
    expect(happeningOf(entry({ status: "landed" }))).toBe("Landed");
    const waits = entry({ event: "blocked" }, { blocker: "dependency", on: "3 5" });
    expect(happeningOf(waits)).toBe("Waits for the requests ahead: #3, #5");
  });

  it("says of every blocker what the request waits for, and no more than that it waits of an unknown one", () => {
    const said = Blocker.options.map((blocker) => happeningOf(entry({ event: "blocked" }, { blocker })));
    expect(new Set(said).size).toBe(Blocker.options.length);
    for (const words of said) expect(words).not.toBe("Waits");
    expect(happeningOf(entry({ event: "blocked" }, { blocker: "constructor" }))).toBe("Waits");
  });

  it("calls a status and an event of a later release by their names", () => {
    for (const name of ["superseded", "constructor"]) {
      expect(happeningOf(entry({ status: name as Status }))).toBe(name);
      expect(happeningOf(entry({ event: name as Happening }, { on: "3" }))).toBe(`${name}: #3`);
    }
  });

  it("leaves out what only says that the next entry comes", () => {
    expect(happeningOf(entry({ status: "batching" }))).toBeUndefined();
    expect(happeningOf(entry({ status: "speculating" }))).toBeUndefined();
  });
});
