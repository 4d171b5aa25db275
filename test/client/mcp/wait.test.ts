import { describe, expect, it, vi } from "vitest";
import type { QueueClient } from "../../../client/client.ts";
import { waitFor } from "../../../client/mcp/wait.ts";

/** A queue whose request has these statuses, one per call; the last one for ever. A call that waits takes as long as it says, by the clock. */
function queueOf(...statuses: readonly string[]) {
  const asked: number[] = [];
  const request = async (_: number, { wait = 0 }: { readonly wait?: number } = {}) => {
    asked.push(wait);
    const status = statuses[Math.min(asked.length, statuses.length) - 1];
    if (asked.length > statuses.length) vi.setSystemTime(Date.now() + wait * 1_000);
    return { status, ended: status === "landed" };
  };
  return { asked, queue: { request } as unknown as QueueClient };
}
const { signal } = new AbortController();

describe("waiting for a request", () => {
  it("ends when the phase changes, not at each status, and leaves the waiting to the API", async () => {
    const { asked, queue } = queueOf("accepted", "validating", "speculating");
    expect(await waitFor(queue, 1, 50, signal)).toMatchObject({ status: "speculating" });
    expect(asked).toEqual([0, 25, 25]);
  });

  it("ends at once for a request that has ended, and when the time is up", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const landed = queueOf("landed");
    await waitFor(landed.queue, 1, 50, signal);
    expect(landed.asked).toEqual([0]);
    const slow = queueOf("speculating");
    expect(await waitFor(slow.queue, 1, 40, signal)).toMatchObject({ status: "speculating" });
    expect(slow.asked).toEqual([0, 25, 15]);
    vi.useRealTimers();
  });
});
