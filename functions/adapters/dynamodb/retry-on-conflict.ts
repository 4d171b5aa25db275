import { CodedError } from "../../contracts/errors.ts";

/** The answer of an attempt whose conditional write was refused, because another writer was faster. */
export const LOST = Symbol("lost");

/** How many attempts may be refused. Each time another writer has made progress, and an item has few writers. */
const ATTEMPTS = 10;

/**
 * Calls `attempt` until it answers something other than LOST, and answers that. An attempt reads, decides and writes conditionally, and
 * answers LOST when the write was refused. Throws store.version_conflict after ten LOST in a row; `what` is the subject of its message.
 */
export async function retryOnConflict<T>(what: string, attempt: () => Promise<T | typeof LOST>): Promise<T> {
  for (let losses = 0; losses < ATTEMPTS; losses++) {
    const answer = await attempt();
    if (answer !== LOST) return answer;
  }
  throw new CodedError("store.version_conflict", `${what} changes too fast`);
}
