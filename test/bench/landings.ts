import { startTopology } from "../support/topology.ts";
import { type Row, rowOf } from "./timing.ts";

const LANDINGS = 12;

/** From Land to landed, one change at a time, through the embedded runtime with a build that passes at once; and where the time goes. */
export async function landings(): Promise<Row[]> {
  const topology = await startTopology({ bench: { buildRunner: { type: "fake", pollSeconds: 1 } } });
  try {
    const { lane, remote } = topology.at("bench");
    const total: number[] = [];
    const steps = new Map<string, number[]>();
    for (let n = 1; n <= LANDINGS; n++) {
      const change = await remote.change(`bench-${n}`, { [`file-${n}.txt`]: `${n}\n` });
      const start = performance.now();
      const { sqid } = await lane.land(change);
      await lane.end(sqid, { everyMs: 5 });
      total.push(performance.now() - start);
      const statuses = (await lane.history(sqid)).filter((entry) => entry.kind === "status");
      statuses.slice(1).forEach((entry, i) => {
        const before = statuses[i];
        if (!before) return;
        const name = `  ${before.status} → ${entry.status}`;
        steps.set(name, [...(steps.get(name) ?? []), Date.parse(entry.at) - Date.parse(before.at)]);
      });
    }
    return [
      rowOf("Land to landed, embedded", total, "fake build, polled every second"),
      ...[...steps].map(([name, samples]) => rowOf(name, samples)),
    ];
  } finally {
    await topology.stop();
  }
}
