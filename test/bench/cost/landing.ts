import { FakeCodeBuild } from "../../../localstack/fakes/codebuild.ts";
import { startTopology, type Topology } from "../../support/topology.ts";
import { Meter, type Usage } from "./meter.ts";
import { type VirtualTime, virtualTime } from "./virtual-time.ts";

const BUILD_MS = 600_000;
/** A change every three minutes. */
const GAP_MS = 180_000;
/** Of ten changes, seven are built twice: 1.7 builds per change. */
const isUnlucky = (change: number): boolean => change % 10 < 7;

/** A multiple of ten, so that the share of unlucky changes is the same ever after. */
const WARM_UP = 10;

export interface Landed {
  readonly usage: Usage;
  readonly changes: number;
  readonly builds: number;
  readonly polls: number;
  readonly entered: ReadonlyMap<string, number>;
  readonly invoked: ReadonlyMap<string, number>;
  /** What a minute costs in which nothing happens. */
  readonly idleMinute: Usage;
}

/**
 * Lands so many changes, one every three minutes, through the embedded runtime under virtual time, with builds of ten minutes in a fake
 * CodeBuild that reports their ends, or does not. The first builds of seven of ten changes end with a fault of the machine.
 */
export async function land(changes: number, reports: boolean): Promise<Landed> {
  const meter = new Meter();
  const time = virtualTime(
    () => meter.running > 0,
    () => meter.seen,
  );
  const began = new Set<string>();
  const fake = await FakeCodeBuild.start({
    projects: ["shop"],
    courseOf: ({ SQ_BATCH = "" }) => {
      const first = !began.has(SQ_BATCH);
      began.add(SQ_BATCH);
      const unlucky = first && isUnlucky(Number(SQ_BATCH.split("/").at(-1)));
      return unlucky
        ? { status: "FAULT", phase: "FINALIZING", ms: BUILD_MS }
        : { status: "SUCCEEDED", phase: "COMPLETED", ms: BUILD_MS };
    },
    ...(reports ? { emit: (event: object) => topology?.runtime.emit(event) } : {}),
  });
  useFake(fake.endpoint);
  let topology: Topology | undefined;
  try {
    topology = await time.during(startTopology(QUEUES, undefined, { observer: meter }));
    meter.know(topology.runtime.deployment.functions);
    const idleMinute = await idle(time, meter);
    // The queue learns how long its builds take.
    await landAll(topology, time, 1, WARM_UP);
    meter.reset();
    const before = fake.builds.length;
    await landAll(topology, time, WARM_UP + 1, changes);
    const { usage } = meter;
    return {
      usage,
      changes,
      builds: fake.builds.length - before,
      polls: countOf(meter.entered, / Poll$/),
      entered: new Map(meter.entered),
      invoked: new Map(meter.invoked),
      idleMinute,
    };
  } finally {
    time.stop();
    await topology?.stop();
    await fake.stop();
  }
}

const QUEUES = { shop: { buildRunner: { type: "codebuild", project: "shop" }, budget: 10 } };

function useFake(endpoint: string): void {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_CODEBUILD: endpoint,
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "bench",
    AWS_SECRET_ACCESS_KEY: "bench",
  });
}

/** Ten minutes without a request, as a minute. */
async function idle(time: VirtualTime, meter: Meter): Promise<Usage> {
  const minutes = 10;
  const until = (from: number) => () => Date.now() - from >= minutes * 60_000;
  await time.until(until(Date.now()));
  meter.reset();
  await time.until(until(Date.now()));
  return Object.fromEntries(Object.entries(meter.usage).map(([key, value]) => [key, value / minutes])) as never;
}

/** Lands so many changes, numbered from `first`, and returns once they are on the trunk. */
async function landAll({ at }: Topology, time: VirtualTime, first: number, changes: number): Promise<void> {
  const { lane, remote } = at("shop");
  const sqids: string[] = [];
  const last = first + changes - 1;
  for (let n = first; n <= last; n++) {
    const change = await remote.change(`change-${n}`, { [`file-${n}.txt`]: `${n}\n` });
    sqids.push((await time.during(lane.land(change))).sqid);
    const due = Date.now() + GAP_MS;
    await time.until(() => Date.now() >= due);
  }
  for (let landed = 0; landed < last; landed = (await remote.trunk()).length) {
    const due = Date.now() + GAP_MS;
    await time.until(() => Date.now() >= due);
  }
  for (const sqid of sqids) {
    const { status, reason } = await time.during(lane.get(sqid));
    if (status !== "landed") throw new Error(`${sqid} is ${status}: ${reason?.message ?? "no reason"}`);
  }
}

const countOf = (counts: ReadonlyMap<string, number>, names: RegExp): number =>
  [...counts].reduce((sum, [name, count]) => (names.test(name) ? sum + count : sum), 0);
