import { gitProcessesStarted } from "../../functions/adapters/git/process.ts";
import { synthesizeApart } from "../../localstack/embedded/synthesis.ts";
import { startTopology } from "../support/topology.ts";
import { type Row, rowOf } from "./timing.ts";

const CHANGES = Number(process.env["BENCH_CHANGES"] ?? 200);
/** How many callers land at once. */
const CALLERS = 10;

/** Many independent changes that arrive at once, with builds that pass at once: how many land a second, and how long a caller waits meanwhile. */
export async function burst(): Promise<Row[]> {
  const bench = {
    buildRunner: { type: "fake", pollSeconds: 1 },
    conflictAnalyzer: { type: "paths", by: "file" },
    budget: 50,
  };
  // As `npm start` has it: the CDK is not in this process's memory.
  const topology = await startTopology({ bench }, undefined, { synthesize: synthesizeApart });
  try {
    const { lane, remote } = topology.at("bench");
    // The first calls of a process load and compile what they run, here also for the callers: they are measured apart.
    const first: number[] = [];
    for (let n = 1; n <= CALLERS; n++) {
      const change = await remote.change(`first-${n}`, { [`first-${n}.txt`]: `${n}\n` });
      const before = performance.now();
      await lane.land(change);
      first.push(performance.now() - before);
    }
    await lane.end(`bench/${CALLERS}`, { everyMs: 50, withinMs: 600_000 });
    const changes: Awaited<ReturnType<typeof remote.change>>[] = [];
    for (let n = 1; n <= CHANGES; n++) changes.push(await remote.change(`burst-${n}`, { [`file-${n}.txt`]: `${n}\n` }));
    const [start, git, cpu] = [performance.now(), gitProcessesStarted(), process.cpuUsage()];
    const answered: number[] = [];
    const sqids: string[] = [];
    const waiting = changes.values();
    const caller = async () => {
      for (const change of waiting) {
        const before = performance.now();
        sqids.push((await lane.land(change)).sqid);
        answered.push(performance.now() - before);
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    const accepted = performance.now();
    // The last ones first: once they have landed, the others have, or nearly.
    for (const sqid of sqids.toReversed()) await lane.end(sqid, { everyMs: 50, withinMs: 600_000 });
    const seconds = (performance.now() - start) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const perLanding = (count: number) => (count / CHANGES).toFixed(1);
    const memory = Math.round(process.memoryUsage.rss() / 1e6);
    return [
      rowOf("Land answered, one after the other, from a cold start", first),
      rowOf(
        `Land answered, in a burst of ${CHANGES}`,
        answered,
        `all accepted after ${Math.round(accepted - start)} ms`,
      ),
      rowOf(
        "  a change of the burst, landed",
        [(seconds * 1_000) / CHANGES],
        `${(CHANGES / seconds).toFixed(2)} landings a second`,
      ),
      rowOf(
        "  CPU of this process per landing",
        [(user + system) / 1_000 / CHANGES],
        `${perLanding(gitProcessesStarted() - git)} git processes per landing, ${memory} MB`,
      ),
    ];
  } finally {
    await topology.stop();
  }
}
