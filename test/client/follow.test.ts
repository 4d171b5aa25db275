import { describe, expect, it } from "vitest";
import { ApiError } from "../../client/api-error.ts";
import { follow } from "../../client/follow.ts";

const unreachable = new ApiError({ kind: "unreachable" }, "no answer", undefined);
const refused = new ApiError({ kind: "refused", status: 403 }, "not allowed", undefined);
const entry = (status: string) => ({
  id: status,
  at: "2026-11-25T10:00:00.000Z",
  kind: "status",
  status,
  metadata: {},
});

/** Follows request 1 of a queue whose history is answered like this, one call after the other; the last answer for ever. */
async function followed(...answers: readonly (readonly string[] | Error)[]) {
  const queue = {
    history: async () => {
      const next = answers.length > 1 ? (answers as (readonly string[] | Error)[]).shift() : answers[0];
      if (next instanceof Error || next === undefined) throw next;
      return { sqid: "main/1", events: next.map(entry) };
    },
    request: async () => ({ ended: true, status: "landed" }),
  } as unknown as Parameters<typeof follow>[0];
  const [seen, notices]: [string[], string[]] = [[], []];
  const silent = (notice: string) => void notices.push(notice);
  for await (const { id } of follow(queue, 1, new AbortController().signal, { silent, everyMs: 1 })) seen.push(id);
  return { seen, notices };
}

describe("following a request", () => {
  it("goes on through calls without an answer, as during a restart, and tells of them", async () => {
    const { seen, notices } = await followed(["accepted"], unreachable, unreachable, ["accepted", "landed"]);
    expect(seen).toEqual(["accepted", "landed"]);
    expect(notices).toEqual(Array(2).fill("No answer for 0 s; trying again. no answer"));
  });

  it("ends when the first call gets no answer, and when the API refuses", async () => {
    await expect(followed(unreachable)).rejects.toBe(unreachable);
    await expect(followed(["accepted"], refused)).rejects.toBe(refused);
  });
});
