import { execFileSync } from "node:child_process";
import { tidy } from "../../functions/runway/tidy.ts";
import { landing, NOW, Sandbox, unit } from "../adapters/git/sandbox.ts";
import { Runway } from "../runway/runway.ts";
import { processorMs, type Row, rowOf } from "./timing.ts";

interface Size {
  readonly commits: number;
  readonly files: number;
}

const SMALL: Size = { commits: 100, files: 200 };
const LARGE: Size = { commits: 100_000, files: 20_000 };
const CHANGES = 10;
const FILES_A_FOLDER = 50;

const pathOf = (n: number): string =>
  `part-${Math.floor(n / FILES_A_FOLDER / 20)}/room-${Math.floor(n / FILES_A_FOLDER)}/file-${n}.txt`;

/** The time of the first commit: earlier than what a sandbox dates its commits. */
const START = 1_600_000_000;

/** A trunk of that many commits: the first makes all files, each other one edits one of them. */
function grow(sandbox: Sandbox, { commits, files }: Size): void {
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const written = (n: number, text: string) => `M 100644 inline ${pathOf(n)}\n${data(text)}`;
  const made = Array.from({ length: commits }, (_, n) => {
    const head = `commit refs/heads/main\ncommitter Ada <ada@example.test> ${START + 60 * n} +0000\n${data(`change ${n}`)}`;
    const all = () => Array.from({ length: files }, (_, file) => written(file, `${file}\n`)).join("");
    return head + (n === 0 ? all() : written((n * 7919) % files, `edited by ${n}\n`));
  });
  const input = `reset refs/heads/main\n\n${made.join("")}`;
  execFileSync("git", ["fast-import", "--quiet", "--force"], { cwd: sandbox.remote, input });
  sandbox.git("gc", "--quiet");
}

interface Cost {
  readonly ms: number;
  /** Of this process and of the git processes that it has started. */
  readonly busyMs: number;
}

/** What a machine does first with a repository, and what it does for each change. */
async function costsOn(size: Size): Promise<ReadonlyMap<string, readonly Cost[]>> {
  const sandbox = new Sandbox();
  try {
    grow(sandbox, size);
    const costs = new Map<string, Cost[]>();
    const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      const [start, busy] = [performance.now(), processorMs()];
      const result = await work();
      const cost = { ms: performance.now() - start, busyMs: processorMs() - busy };
      costs.set(what, [...(costs.get(what) ?? []), cost]);
      return result;
    };
    const first = unit(1_000, [sandbox.branch("first", [{ files: { [pathOf(0)]: "first\n" } }])]);
    const runway = await Runway.on(sandbox);
    await timed("first check of a machine", () => runway.check(first));
    for (let n = 1; n <= CHANGES; n++) {
      const one = unit(n, [sandbox.branch(`b${n}`, [{ files: { [pathOf(n * 17)]: `changed by ${n}\n` } }])]);
      await timed("check", () => runway.check(one));
      const tested = await timed("compose", () => runway.tested(one));
      const answer = await timed("land", () => runway.answer(landing(`l${n}`, [{ unit: one, tested }])));
      if (answer.kind !== "answered") throw new Error(answer.reason.message);
      await tidy(runway.repository, answer.spent, NOW);
    }
    return costs;
  } finally {
    sandbox.remove();
  }
}

const describe = ({ commits, files }: Size): string =>
  `${commits.toLocaleString("en")} commits, ${files.toLocaleString("en")} files`;

const meanBusy = (costs: readonly Cost[]): number => costs.reduce((sum, { busyMs }) => sum + busyMs, 0) / costs.length;

const busyNote = (ms: number): string => (Number.isNaN(ms) ? "" : `${ms.toFixed(0)} ms of processor time. `);

/**
 * What runway's steps take in a large repository, as a multiple of what they take in a small one: in time, and in processor time, which
 * depends less on what else the machine does.
 */
export async function largeRepository(): Promise<Row[]> {
  const [small, large] = [await costsOn(SMALL), await costsOn(LARGE)];
  const row = (what: string, size: Size, costs: readonly Cost[]) =>
    rowOf(
      `${what}, ${describe(size)}`,
      costs.map(({ ms }) => ms),
    );
  return [...large].flatMap(([what, costs]) => {
    const least = small.get(what) ?? [];
    const [one, other] = [row(what, SMALL, least), row(what, LARGE, costs)];
    const [few, many] = [meanBusy(least), meanBusy(costs)];
    const processor = Number.isNaN(many) ? "" : `; processor time ${(many / few).toFixed(2)} times`;
    return [
      { ...one, note: busyNote(few) },
      { ...other, note: `${busyNote(many)}${(other.p50Ms / one.p50Ms).toFixed(2)} times${processor}` },
    ];
  });
}
