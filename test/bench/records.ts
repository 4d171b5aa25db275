import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { gitProcessesStarted } from "../../functions/adapters/git/process.ts";
import { recordsRef } from "../../functions/adapters/git/refs.ts";
import { KEPT_DAYS } from "../../functions/runway/records-tree.ts";
import { tidy } from "../../functions/runway/tidy.ts";
import { landing, NOW, Sandbox, unit } from "../adapters/git/sandbox.ts";
import { Runway } from "../runway/runway.ts";
import { type Row, rowOf } from "./timing.ts";

const LANDINGS = 8;
const TODAY = Math.floor(NOW / 86_400_000);

/** Two records per landing, a landing's and an answer's, spread over the days that are kept. */
function fill(sandbox: Sandbox, landings: number): void {
  const files = Array.from({ length: landings * 2 }, (_, n) => {
    const key = createHash("sha256").update(`record ${n}`).digest("hex");
    const content = JSON.stringify({ v: 2, content: `${key}${key}${key}`, mac: key });
    const path = `${TODAY - (n % KEPT_DAYS)}/${key.slice(0, 2)}/${key.slice(2, 40)}`;
    return `M 100644 inline ${path}\ndata ${content.length}\n${content}\n`;
  });
  if (files.length === 0) return;
  const head = `commit ${recordsRef("main")}\ncommitter Bench <bench@example.test> 0 +0000\ndata 0\n`;
  execFileSync("git", ["fast-import", "--quiet"], { cwd: sandbox.remote, input: `${head}${files.join("")}` });
}

async function landingsOver(before: number): Promise<Row> {
  const sandbox = new Sandbox();
  try {
    fill(sandbox, before);
    const runway = await Runway.on(sandbox);
    const samples: number[] = [];
    let processes = 0;
    // The first one brings the records here, as a new machine has to.
    for (let n = 0; n <= LANDINGS; n++) {
      const one = unit(n + 1, [sandbox.branch(`b${n}`, [{ files: { [`f${n}`]: "x\n" } }])]);
      const message = landing(`l${n}`, [{ unit: one, tested: await runway.tested(one) }]);
      const [start, started] = [performance.now(), gitProcessesStarted()];
      const answer = await runway.answer(message);
      samples.push(performance.now() - start);
      processes = gitProcessesStarted() - started;
      await tidy(runway.repository, answer.kind === "answered" ? answer.spent : [], NOW);
    }
    const refs = sandbox.refs("refs/submitqueue").length;
    const [first = 0, ...rest] = samples;
    const note = `${processes} git processes; ${refs} ref on the remote; the first of a machine ${first.toFixed(0)} ms`;
    return rowOf(`landing, after ${before} in a month`, rest, note);
  } finally {
    sandbox.remove();
  }
}

/** What a landing costs as the records of the landings before it grow. */
export async function landingsByRecords(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const before of [0, 1_000, 10_000, 40_000]) rows.push(await landingsOver(before));
  return rows;
}
