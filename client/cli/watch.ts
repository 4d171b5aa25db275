import { Command } from "commander";
import { type Look, lookAtQueue, lookAtRequests } from "../watch/look.ts";
import { changedRows, logLine } from "../watch/news.ts";
import { isEnded, type Row, type Snapshot } from "../watch/row.ts";
import { openScreen } from "../watch/screen.ts";
import { watch } from "../watch/watch.ts";
import { followTo } from "./follow-to.ts";
import { below, examples } from "./help-text.ts";
import type { Run } from "./requests.ts";
import type { Session } from "./session.ts";

export const watchCommand = (run: Run): Command =>
  new Command("watch")
    .description("show requests, or all of a queue, live; redirected, print a line per change")
    .argument("[requests...]", "their numbers, as 17, or their ids, as main/17 (default: the queue)")
    .addHelpText("after", below(ABOUT))
    .action((ids: readonly string[]) =>
      run(async (session) => {
        const [first, ...more] = ids;
        if (first !== undefined && more.length === 0 && session.terminal.live === undefined)
          return followTo(session, first);
        if (first === undefined) return watchQueue(session);
        const watched = [];
        for (const id of new Set(ids)) watched.push(await session.request(id));
        const last = await watchWith(session, lookAtRequests(watched), allEnded, requestsPaceMs(watched.length));
        if (last === undefined || !allEnded(last)) return INTERRUPTED;
        return last.rows.every(({ status }) => status === "landed") ? 0 : 1;
      }),
    );

const allEnded = ({ rows }: Snapshot): boolean => rows.every(isEnded);

/** On a terminal until the reader ends it, for requests come and go; redirected until nothing is in flight. */
async function watchQueue(session: Session): Promise<number> {
  const isLive = session.terminal.live !== undefined && !session.json;
  const look = lookAtQueue(await session.queue());
  await watchWith(session, look, (snapshot) => !isLive && allEnded(snapshot), QUEUE_PACE_MS);
  return session.interrupted.aborted ? INTERRUPTED : 0;
}

/** A look at a queue is one call, which reads all that the queue holds. API Gateway takes 100 calls a second, of all users together. */
const QUEUE_PACE_MS = 3_000;

/** At most ten calls a second, however many requests are watched: each is two calls a look. */
const requestsPaceMs = (count: number): number => Math.max(1_000, 200 * count);

const ABOUT = `Keys: arrows, page keys, Home and End move; / searches; q ends the view.

Requests are watched until all have ended. Exit code: 0 when all have landed, 1 when one has not, 130 when the view was ended before.

A queue is watched until the view is ended; redirected, until nothing is in flight. Exit code: 0.

${examples("submitqueue watch 17", "submitqueue watch", "submitqueue watch 17 18 main/19 > watch.log")}`;

/** Shows what `look` finds every so many milliseconds, as a live view or as lines of a log, until it is over or the reader ends it: the last snapshot. */
async function watchWith(
  session: Session,
  look: Look,
  isOver: (snapshot: Snapshot) => boolean,
  everyMs: number,
): Promise<Snapshot | undefined> {
  const { terminal, interrupted, json } = session;
  const quitting = new AbortController();
  const signal = AbortSignal.any([interrupted, quitting.signal]);
  const { live, colours } = terminal;
  const screen = live === undefined || json ? undefined : openScreen({ ...live, colours }, () => quitting.abort());
  let known: readonly Row[] = [];
  const log = (snapshot: Snapshot) => {
    for (const row of changedRows(known, snapshot.rows))
      terminal.out(json ? `${JSON.stringify(row)}\n` : `${new Date().toISOString().slice(11, 19)}  ${logLine(row)}\n`);
    if (snapshot.notice !== undefined) terminal.err(`${snapshot.notice}\n`);
    known = snapshot.rows;
  };
  try {
    const last = await watch({
      look,
      isOver,
      signal,
      everyMs,
      show: (snapshot) => (screen ? screen.show(snapshot) : log(snapshot)),
    });
    screen?.close();
    if (screen && last) for (const row of last.rows) terminal.out(`${logLine(row)}\n`);
    return last;
  } finally {
    screen?.close();
  }
}

const INTERRUPTED = 130;
