import { setTimeout as pause } from "node:timers/promises";
import type { RequestSummary } from "../../functions/contracts/api.ts";
import type { QueueClient } from "../client.ts";
import { phaseOf } from "./outcome.ts";

/** Clients of MCP end a call after 60 s unless they are told otherwise. */
export const MOST_SECONDS = 50;

const EVERY_MS = 1_000;

/** The request once its phase has changed or it has ended; as it stands when the time is up. */
export async function waitFor(
  queue: QueueClient,
  number: number,
  seconds: number,
  signal: AbortSignal,
): Promise<RequestSummary> {
  const endsAt = Date.now() + seconds * 1_000;
  const first = await queue.request(number);
  let latest = first;
  while (!latest.ended && phaseOf(latest.status) === phaseOf(first.status) && Date.now() < endsAt) {
    await pause(Math.min(EVERY_MS, endsAt - Date.now()), undefined, { signal });
    latest = await queue.request(number);
  }
  return latest;
}
