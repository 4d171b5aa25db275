import type { RequestSummary } from "../../functions/contracts/api/request-views.ts";
import { follow } from "../follow.ts";
import { happeningOf } from "../happenings.ts";
import { entryLine, exitCodeOf } from "./request-lines.ts";
import type { Session } from "./session.ts";

/**
 * Prints what happens to a request until it has ended: a line per change of its state, or each entry of its history as a JSON document.
 */
export async function followTo(session: Session, id: string): Promise<number> {
  const { queue, number } = await session.request(id);
  const entries = follow(queue, number, session.interrupted, {
    silent: (notice) => session.terminal.err(`${notice}\n`),
  });
  for (;;) {
    const { done, value } = await entries.next();
    if (done) {
      session.terminal.out(session.json ? `${JSON.stringify(value)}\n` : `${endLine(value)}\n`);
      return exitCodeOf(value);
    }
    if (session.json) session.terminal.out(`${JSON.stringify(value)}\n`);
    else if (happeningOf(value) !== undefined) session.terminal.out(`${entryLine(session.terminal, value)}\n`);
  }
}

/** How a request ended. Example: `main/17 has landed as 0123456789abcdef0123456789abcdef01234567`. */
function endLine({ sqid, status, metadata, reason }: RequestSummary): string {
  if (status !== "landed") return `${sqid} was not landed: ${reason?.message ?? status}`;
  return `${sqid} has landed${metadata["commit"] === undefined ? "" : ` as ${String(metadata["commit"])}`}`;
}
