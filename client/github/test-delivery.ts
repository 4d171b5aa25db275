import { setTimeout as pause } from "node:timers/promises";
import type { request } from "@octokit/request";
import * as z from "zod";
import type { Finding } from "../cli/finding.ts";

const Item = z.looseObject({
  id: z.int(),
  guid: z.string(),
  event: z.string(),
  status: z.string(),
  status_code: z.int(),
});

const LOOK_EVERY_MS = 500;

/** What an answer of the receiver means. */
function meaningOf(code: number, status: string): string {
  if (code === 401) return "the webhook secret of the App is not that of the queue: set both to the same";
  if (code === 404) return "the address has no receiver: it ends in /github/webhook";
  if (code === 0 || code >= 500) return `nothing answered (${status}): is the address right, and can GitHub reach it?`;
  return `it was answered ${code} (${status})`;
}

/**
 * Has GitHub send its last delivery once more, and looks what became of it. The queue does nothing for a delivery that it has seen. `call` as
 * the App. A call each half second.
 */
export async function deliveryFinding(call: typeof request, patienceMs: number): Promise<Finding> {
  const check = "delivery";
  const list = async () => z.array(Item).parse((await call("GET /app/hook/deliveries", { per_page: 30 })).data);
  try {
    const [last] = await list();
    if (last === undefined)
      return {
        check,
        state: "skipped",
        says: "GitHub has delivered nothing yet: comment /help on a pull request, and run this again",
      };
    await call("POST /app/hook/deliveries/{delivery_id}/attempts", { delivery_id: last.id });
    for (const until = Date.now() + patienceMs; Date.now() < until; await pause(LOOK_EVERY_MS)) {
      const attempt = (await list()).find(
        ({ id, guid, status }) => guid === last.guid && id > last.id && status !== "pending",
      );
      if (attempt === undefined) continue;
      return attempt.status_code >= 200 && attempt.status_code < 300
        ? {
            check,
            state: "ok",
            says: `a delivery (${last.event}) was sent again, and answered ${attempt.status_code}`,
          }
        : {
            check,
            state: "problem",
            says: `a delivery (${last.event}) was sent again: ${meaningOf(attempt.status_code, attempt.status)}`,
          };
    }
    return { check, state: "skipped", says: "GitHub has not delivered within the time: run this again" };
  } catch (error) {
    return {
      check,
      state: "problem",
      says: `GitHub does not deliver: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}
