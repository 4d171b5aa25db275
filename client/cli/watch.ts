import { Command } from "commander";
import { type Look, lookAtRequests } from "../watch/look.ts";
import { changedRows, logLine } from "../watch/news.ts";
import { isEnded, type Row, type Snapshot } from "../watch/row.ts";
import { openScreen } from "../watch/screen.ts";
import { watch } from "../watch/watch.ts";
import { followTo } from "./follow-to.ts";
import type { Run } from "./requests.ts";
import type { Session } from "./session.ts";

export const watchCommand = (run: Run): Command =>
  new Command("watch")
    .description("show requests live until all have ended; redirected, print a line per change")
    .argument("<requests...>", "their numbers, as 17, or their ids, as main/17")
    .addHelpText("after", ABOUT_KEYS)
    .action((ids: readonly string[]) =>
      run(async (session) => {
        const [first, ...more] = ids;
        if (first !== undefined && more.length === 0 && session.terminal.live === undefined)
          return followTo(session, first);
        const watched = [];
        for (const id of new Set(ids)) watched.push(await session.request(id));
        return watchWith(session, lookAtRequests(watched), ({ rows }) => rows.every(isEnded));
      }),
    );

const ABOUT_KEYS = `
Keys: arrows, page keys, Home and End move; / searches; q ends the view.
Exit code: 0 when all requests have landed, 1 when one has not, 130 when the view was ended before.

Examples:
  submitqueue watch 17
  submitqueue watch 17 18 main/19 > watch.log`;

/** Shows what `look` finds, as a live view or as lines of a log, until it is over. Resolves with the exit code. */
async function watchWith(session: Session, look: Look, isOver: (snapshot: Snapshot) => boolean): Promise<number> {
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
      show: (snapshot) => (screen ? screen.show(snapshot) : log(snapshot)),
    });
    screen?.close();
    if (screen && last) for (const row of last.rows) terminal.out(`${logLine(row)}\n`);
    if (last === undefined || !last.rows.every(isEnded)) return INTERRUPTED;
    return last.rows.every(({ status }) => status === "landed") ? 0 : 1;
  } finally {
    screen?.close();
  }
}

const INTERRUPTED = 130;
