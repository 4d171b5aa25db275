import logUpdate from "log-update";
import type { RequestReport } from "./report.ts";
import { renderTable, seconds } from "./table.ts";

/** Where the demo shows what goes on. */
export interface Display {
  /** A line that stays. */
  say(line: string): void;
  /** How the requests stand. */
  show(requests: readonly RequestReport[]): void;
  /** How the requests stood at last. */
  close(requests: readonly RequestReport[]): void;
}

/** Says nothing, for `--json`. */
export const silent: Display = { say: () => {}, show: () => {}, close: () => {} };

/** A table that is drawn over and over. */
export function liveTable(stream: NodeJS.WriteStream): Display {
  let shown: readonly RequestReport[] = [];
  const draw = () => {
    if (shown.length > 0) logUpdate(renderTable(shown, stream.columns));
  };
  return {
    say(line) {
      if (shown.length > 0) logUpdate.clear();
      stream.write(`${line}\n`);
      draw();
    },
    show(requests) {
      shown = requests;
      draw();
    },
    close(requests) {
      logUpdate.clear();
      logUpdate.done();
      shown = [];
      // Written as it is: what is drawn over and over is cut to the terminal's height.
      if (requests.length > 0) stream.write(`${renderTable(requests, stream.columns)}\n`);
    },
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
      write(`\n${renderTable(requests, 120)}\n`);
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
