import { tidy } from "../../functions/runway/tidy.ts";
import { landing, NOW, Sandbox, type Sketch, unit } from "../adapters/git/sandbox.ts";
import { Runway } from "../runway/runway.ts";
import { type Row, rowOf } from "./timing.ts";

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

/** A trunk of that many commits: the first makes all files, each other one edits one of them. */
function grow(sandbox: Sandbox, { commits, files }: Size): void {
  const all = Object.fromEntries(Array.from({ length: files }, (_, n) => [pathOf(n), `${n}\n`]));
  const edit = (n: number): Sketch => ({ files: { [pathOf((n * 7919) % files)]: `edited by ${n}\n` } });
  sandbox.commits("refs/heads/main", [{ files: all }, ...Array.from({ length: commits - 1 }, (_, n) => edit(n))]);
  sandbox.git("gc", "--quiet");
}

/** What a machine does first with a repository, and what it does for each change, in milliseconds. */
async function timesOn(size: Size): Promise<ReadonlyMap<string, readonly number[]>> {
  const sandbox = new Sandbox();
  try {
    grow(sandbox, size);
    const times = new Map<string, number[]>();
    const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      const start = performance.now();
      const result = await work();
      times.set(what, [...(times.get(what) ?? []), performance.now() - start]);
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
    return times;
  } finally {
    sandbox.remove();
  }
}

const describe = ({ commits, files }: Size): string =>
  `${commits.toLocaleString("en")} commits, ${files.toLocaleString("en")} files`;

/** What runway's steps take in a large repository, as a multiple of what they take in a small one. */
export async function largeRepository(): Promise<Row[]> {
  const [small, large] = [await timesOn(SMALL), await timesOn(LARGE)];
  return [...large].flatMap(([what, samples]) => {
    const row = rowOf(`${what}, ${describe(LARGE)}`, samples);
    const least = rowOf(`${what}, ${describe(SMALL)}`, small.get(what) ?? []);
    return [least, { ...row, note: `${(row.p50Ms / least.p50Ms).toFixed(2)} times` }];
  });
}
