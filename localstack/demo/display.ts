import type { LiveTerminal } from "../../client/cli/terminal.ts";
import type { Snapshot } from "../../client/watch/row.ts";
import { openScreen } from "../../client/watch/screen.ts";
import type { RequestReport } from "./report.ts";
import { renderTable, seconds } from "./table.ts";

/** Where the demo shows what goes on. */
export interface Display {
  /** A line that stays. */
  say(line: string): void;
  /** How the requests stand. */
  show(requests: readonly RequestReport[]): void;
  /** Ends the display with how the requests stand. Without requests, it only gives the terminal back. */
  close(requests: readonly RequestReport[]): void;
}

/** Says nothing, for `--json`. */
export const silent: Display = { say: () => {}, show: () => {}, close: () => {} };

/** The live view of `submitqueue watch`, and the table at the end. `quit` is called when the reader ends the view. */
export function liveView(terminal: LiveTerminal, quit: () => void): Display {
  const screen = openScreen(terminal, quit);
  return {
    say: (line) => screen.say(line),
    show: (requests) => screen.show(snapshotOf(requests)),
    close(requests) {
      screen.close();
      if (requests.length > 0) terminal.output.write(`${renderTable(requests, terminal.output.columns)}\n`);
    },
  };
}

function snapshotOf(requests: readonly RequestReport[]): Snapshot {
  const ended = requests.filter((request) => request.ended).length;
  return {
    heading: `Queue demo: ${requests.length} requests, ${ended} ended`,
    rows: requests.map(({ row, titles }) => ({ ...row, title: titles.join(", ") })),
  };
}

/** Lines that are appended: each stage once, as it is seen. The table comes at the end. */
export function appendedLines(write: (text: string) => void, elapsedMs: () => number): Display {
  const trails = new Map<string, readonly string[]>();
  return {
    say: (line) => write(`${line}\n`),
    show(requests) {
      for (const { sqid, titles, trail } of requests) {
        const news = newStages(trails.get(sqid) ?? [], trail);
        trails.set(sqid, trail);
        if (news.length > 0)
          write(
            `${seconds(elapsedMs()).padStart(7)}  ${sqid}  ${nameOf(titles).padEnd(NAME_WIDTH)}  ${news.join(" → ")}\n`,
          );
      }
    },
    close(requests) {
      this.show(requests);
      if (requests.length > 0) write(`\n${renderTable(requests, 120)}\n`);
    },
  };
}

const NAME_WIDTH = 26;

const nameOf = ([first = "", ...more]: readonly string[]): string =>
  more.length === 0 ? first : `${first} (+${more.length})`;

/** What is new in a trail: further stages, and the last one again when something has happened in it since. */
function newStages(before: readonly string[], now: readonly string[]): readonly string[] {
  const same = now.findIndex((stage, i) => stage !== before[i]);
  return same === -1 ? [] : now.slice(same);
}
