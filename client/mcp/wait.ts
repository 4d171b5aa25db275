import type { RequestSummary } from "../../functions/contracts/api/request-views.ts";
import { MOST_WAIT_SECONDS, type QueueClient } from "../client.ts";
import { phaseOf } from "./outcome.ts";

/** Clients of MCP end a call after 60 s unless they are told otherwise. */
export const MOST_SECONDS = 50;

/** The request once its phase has changed or it has ended; as it stands when the time is up. The API waits: a call per change of the status. */
export async function waitFor(
  queue: QueueClient,
  number: number,
  seconds: number,
  signal: AbortSignal,
): Promise<RequestSummary> {
  const endsAt = Date.now() + seconds * 1_000;
  const first = await queue.request(number, { signal });
  let latest = first;
  for (;;) {
    const left = (endsAt - Date.now()) / 1_000;
    if (latest.ended || phaseOf(latest) !== phaseOf(first) || left <= 0) return latest;
    latest = await queue.request(number, { wait: Math.min(left, MOST_WAIT_SECONDS), signal });
  }
}
