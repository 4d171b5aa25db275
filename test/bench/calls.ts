import type { ObservedCall, Observer } from "../../localstack/embedded/observer.ts";
import { startTopology } from "../support/topology.ts";
import { dynamodbUnits } from "./cost/meter.ts";
import { type Row, rowOf } from "./timing.ts";

const LANDINGS = 12;

/** What is to be reached per landing with one build. */
const GOALS = { calls: 40, writeUnits: 30 };

interface Counted {
  calls: number;
  writeUnits: number;
  readonly byOperation: Map<string, number>;
}

/** Counts the AWS calls and write units of each role. */
class CallCounter implements Observer {
  readonly byRole = new Map<string, Counted>();
  /** A role whose calls are not counted now. */
  leftOut: string | undefined;

  call(call: ObservedCall): void {
    if (call.role === undefined || call.role === this.leftOut) return;
    const counted = this.byRole.get(call.role) ?? { calls: 0, writeUnits: 0, byOperation: new Map<string, number>() };
    this.byRole.set(call.role, counted);
    counted.calls += 1;
    if (call.service === "dynamodb") counted.writeUnits += dynamodbUnits(call).writeUnits;
    counted.byOperation.set(call.operation, (counted.byOperation.get(call.operation) ?? 0) + 1);
  }

  invocation(): () => void {
    return () => {};
  }
  transition(): void {}
}

/**
 * The AWS calls and DynamoDB write units of a landing with one build, by function, through the embedded runtime: one change at a time. What
 * `gateway/api` calls to tell this bench that the change has landed is left out.
 */
export async function callsPerLanding(): Promise<Row[]> {
  const counter = new CallCounter();
  const topology = await startTopology({ bench: { buildRunner: { type: "fake", pollSeconds: 1 } } }, undefined, {
    observer: counter,
  });
  try {
    const { lane, remote } = topology.at("bench");
    const api = topology.runtime.deployment.functions.find(({ id }) => id === "gateway/api")?.roleArn;
    const samples: number[] = [];
    for (let n = 0; n <= LANDINGS; n++) {
      const change = await remote.change(`bench-${n}`, { [`file-${n}.txt`]: `${n}\n` });
      // The first landing makes what later ones find.
      if (n === 1) counter.byRole.clear();
      const start = performance.now();
      counter.leftOut = undefined;
      const { sqid } = await lane.land(change);
      counter.leftOut = api;
      await lane.end(sqid, { everyMs: 100 });
      if (n > 0) samples.push(performance.now() - start);
    }
    const idOf = new Map(topology.runtime.deployment.functions.map(({ roleArn, id }) => [roleArn, id]));
    const rows = [...counter.byRole]
      .map(([role, counted]) => ({ id: idOf.get(role) ?? role, ...counted }))
      .sort((a, b) => b.calls - a.calls);
    const sum = (amount: (row: Counted) => number) => rows.reduce((all, row) => all + amount(row), 0);
    return [
      rowOf(
        "Calls of AWS per landing",
        samples,
        `${perLanding(sum(({ calls }) => calls))} calls (goal ${GOALS.calls}), ${perLanding(sum(({ writeUnits }) => writeUnits))} write units (goal ${GOALS.writeUnits})`,
      ),
      ...rows.map(({ id, calls, writeUnits, byOperation }) =>
        rowOf(
          `  ${id}`,
          [],
          `${perLanding(calls)} calls, ${perLanding(writeUnits)} write units: ${listed(byOperation)}`,
        ),
      ),
    ];
  } finally {
    await topology.stop();
  }
}

const perLanding = (count: number): string => (count / LANDINGS).toFixed(1);

const listed = (byOperation: ReadonlyMap<string, number>): string =>
  [...byOperation]
    .sort(([, a], [, b]) => b - a)
    .map(([operation, count]) => `${perLanding(count)} ${operation}`)
    .join(", ");
