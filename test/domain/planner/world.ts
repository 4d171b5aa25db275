import type { ChangeUri } from "../../../functions/contracts/change-uri.ts";
import { hashOf } from "../../../functions/contracts/hash.ts";
import type { BatchId, BuildKey, GitSha, QueueName, RequestNumber, Sqid } from "../../../functions/contracts/ids.ts";
import { batchIdOf, sqidOf } from "../../../functions/contracts/ids.ts";
import { hasEnded, type LogEvent } from "../../../functions/contracts/log-event.ts";
import type { LandBatch, LandOutcome } from "../../../functions/contracts/messages/landing-messages.ts";
import type { TrunkChanged } from "../../../functions/contracts/messages/log-messages.ts";
import type { TrunkUnit } from "../../../functions/contracts/messages/merge-unit.ts";
import type { BuildVerdict, Signal } from "../../../functions/contracts/messages/signals.ts";
import { QueueConfig, type QueueMode } from "../../../functions/contracts/queues.ts";
import type { Reason } from "../../../functions/contracts/reasons.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { type Batch, pathIsActive } from "../../../functions/domain/batch.ts";
import { plan } from "../../../functions/domain/planner/index.ts";
import type { Command, Plan, QueueState } from "../../../functions/domain/planner/plan.ts";
import { type PlanningShell, wakeUp } from "../../../functions/domain/planner/run-planner.ts";
import type { LandingRequest } from "../../../functions/domain/request.ts";
import { runStepsNow } from "../../../functions/domain/steps.ts";
import { UNKNOWN_TRUNK } from "../../../functions/domain/trunk.ts";

export const QUEUE = "q" as QueueName;
export const sqid = (n: number): Sqid => sqidOf(QUEUE, n as RequestNumber);

export const aQueue = (overrides: Partial<QueueConfig> = {}): QueueConfig => ({
  ...QueueConfig.parse({
    name: QUEUE,
    repository: { remote: "/nowhere.git" },
    buildRunner: { type: "fake" },
    conflictAnalyzer: { type: "paths", by: "file" },
  }),
  ...overrides,
});

export const aReadyRequest = (
  n: number,
  paths: readonly string[],
  overrides: Partial<LandingRequest> = {},
): LandingRequest => ({
  queue: QUEUE,
  sqid: sqid(n),
  changes: [`git://host/repo/refs%2Fheads%2F${n}/${String(n).padStart(40, "0")}` as ChangeUri],
  strategy: "REBASE",
  receivedAt: epochMs(n),
  state: "ready",
  version: 3,
  touches: { paths, files: paths.length, additions: 1, deletions: 0, authors: ["a@example.com"] },
  ...overrides,
});

/** Which combinations of changes fail: some are bad in themselves, some pairs fail together. Numbers are request numbers. */
export interface Fate {
  readonly bad: ReadonlySet<number>;
  readonly clashes: readonly (readonly [number, number])[];
  /** The first fails where the second, an earlier one, is missing. */
  readonly needs?: readonly (readonly [number, number])[];
  /** These two touch the same lines: the second of them does not apply. */
  readonly jams?: readonly (readonly [number, number])[];
  /** The first does not apply where the second, an earlier one, is missing. */
  readonly stacked?: readonly (readonly [number, number])[];
  /** Each of these makes a broken trunk pass again. */
  readonly repairs?: ReadonlySet<number>;
}

/** Whether the change applies on a tree. */
export const applies = ({ jams, stacked }: Fate, n: number, tree: ReadonlySet<number>): boolean =>
  !jams?.some(([a, b]) => (a === n && tree.has(b)) || (b === n && tree.has(a))) &&
  !stacked?.some(([upper, lower]) => upper === n && !tree.has(lower));

/** Whether the tree is sound as far as `about` is concerned: a part of it, or all. */
export const passes = (fate: Fate, tree: ReadonlySet<number>, about: ReadonlySet<number> = tree): boolean =>
  ![...about].some((n) => fate.bad.has(n)) &&
  !fate.clashes.some(([a, b]) => tree.has(a) && tree.has(b) && (about.has(a) || about.has(b))) &&
  !fate.needs?.some(([n, needed]) => about.has(n) && !tree.has(needed));

export interface BuildRecord {
  readonly key: BuildKey;
  readonly batchId: BatchId;
  readonly head: readonly number[];
  /** Trunk, base and heads; as far as they applied, when one did not. */
  readonly tree: ReadonlySet<number>;
  /** The change at which the composition was refused. */
  readonly refused?: number;
  /** The trunk's commit that it was composed on, and what the tree is called. */
  readonly trunk: GitSha;
  readonly treeName: GitSha;
  /** What the queue's builds tested then. */
  readonly tests: QueueConfig["buildRunner"]["tests"];
  /** True when the trunk was broken then. */
  readonly broken: boolean;
  state: "running" | "passed" | "failed" | "cancelled";
}

/** The changes whose tests the build runs. */
const testedBy = ({ tests, tree, head }: BuildRecord): ReadonlySet<number> =>
  tests === "everything" ? tree : new Set(head);

/** A change that the planner gave up for good, and what was on the trunk by then. */
export interface Rejection {
  readonly n: number;
  readonly reason: Reason | undefined;
  readonly trunk: ReadonlySet<number>;
  /** True when the trunk was broken then. */
  readonly broken: boolean;
}

/** One commit point. */
export interface Landing {
  readonly group: readonly number[];
  readonly trunk: readonly number[];
  readonly passed: readonly ReadonlySet<number>[];
  /** The undecided changes ahead of it that it landed before. */
  readonly bypassed: readonly number[];
}

/** After how many effects the process dies. Undefined: the process survives the run. */
export type Crash = number | undefined;

/** One run of the planner: what it saw and what it decided, whether or not that was carried out. */
export interface Run {
  readonly signals: readonly Signal[];
  readonly queue: QueueState;
  readonly batches: readonly Batch[];
  readonly result: Plan;
  readonly crashed: boolean;
}

/** The process ended between two effects. */
class Died extends Error {}

/** True when `run` dies. Any other error is thrown. */
function deathOf(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if (!(error instanceof Died)) throw error;
    return true;
  }
}

const sha = (text: string): GitSha => text.padStart(40, "0").slice(-40) as GitSha;

/** The trunk before anything has landed. */
export const FIRST_COMMIT = sha("f0");

/** A copy of plain data that shares no object with it. `structuredClone` takes three times as long. */
function copyOf<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  if (Object.getPrototypeOf(value) !== Object.prototype) throw new Error(`no plain data: ${String(value)}`);
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(value)) copy[name] = copyOf((value as Record<string, unknown>)[name]);
  return copy as T;
}

/**
 * A queue's whole world in memory: tables with version checks, workflows that run once per name, a runway that lands once per batch.
 * It knows nothing of how the planner decides.
 */
export class World {
  config: QueueConfig;
  readonly fate: Fate;
  readonly requests = new Map<Sqid, LandingRequest>();
  readonly live = new Map<BatchId, Batch>();
  readonly archived = new Map<BatchId, Batch>();
  readonly builds = new Map<BuildKey, BuildRecord>();
  readonly trunk: number[] = [];
  /** Every move of the trunk: what was new, what it then held, and the trees that had passed by then. */
  readonly landings: Landing[] = [];
  readonly log = new Map<string, LogEvent>();
  readonly inbox: Signal[] = [];
  readonly merges: LandBatch[] = [];
  readonly landed = new Map<BatchId, LandOutcome>();
  /** What the gateway was told of the trunk, by version. */
  readonly news = new Map<number, TrunkChanged>();
  readonly rejections: Rejection[] = [];
  /** How often a build of a sound tree failed, or broke down, for each change that it tested. */
  readonly flakes = new Map<number, number>();
  readonly breakdowns = new Map<number, number>();
  /** How often runway answered that the tested tree is not the one that would land. */
  stale = 0;
  readonly runs: Run[] = [];
  /** The changes whose priority a caller has changed, in that order. */
  readonly prioritized: number[] = [];
  /** What the gateway has said, in the order of its versions. */
  readonly modes: QueueMode[] = [];
  /** Every commit that the trunk was at, and the newest. */
  readonly commits: GitSha[] = [FIRST_COMMIT];
  /** The commits that were pushed past the queue. */
  readonly pushes: GitSha[] = [];
  /** How often the trunk itself was built, by commit. */
  readonly trunkBuilds = new Map<GitSha, number>();
  /** True while the trunk is broken by a push past the queue; or by something outside, which also breaks builds under way. */
  broken = false;
  outage = false;
  /** What the planner's process remembers of batches. A process that dies forgets all of it. */
  readonly #remembered = new Map<BatchId, Batch>();
  readonly #store: (batch: Batch) => Batch;
  /** A passed build vouches for the first commit. */
  queueState: QueueState = {
    queue: QUEUE,
    installation: "here",
    nextArrival: 1,
    nextPosition: 1,
    trunk: { ...UNKNOWN_TRUNK, vouched: [FIRST_COMMIT] },
    version: 0,
  };
  time = 1_000;
  mostBuilds = 0;

  /** `store` makes the copy that is kept of a batch; a world that is one of very many may keep the batch itself. */
  constructor(
    config: QueueConfig,
    fate: Fate = { bad: new Set(), clashes: [] },
    store: (batch: Batch) => Batch = copyOf,
  ) {
    this.config = config;
    this.fate = fate;
    this.#store = store;
  }

  /** A deployment changes the queue's configuration. Builds that run go on. */
  configure(change: Partial<QueueConfig>): void {
    this.config = { ...this.config, ...change };
  }

  ready(n: number, paths: readonly string[], overrides: Partial<LandingRequest> = {}): void {
    this.requests.set(sqid(n), aReadyRequest(n, paths, overrides));
    this.inbox.push({ v: 1, kind: "request-ready", queue: QUEUE, sqid: sqid(n) });
  }

  cancel(n: number): void {
    this.inbox.push({ v: 1, kind: "cancel-requested", queue: QUEUE, sqid: sqid(n), note: "changed my mind" });
  }

  prioritize(n: number, priority: number): void {
    this.prioritized.push(n);
    const count = this.prioritized.length;
    this.inbox.push({ v: 1, kind: "priority-changed", queue: QUEUE, sqid: sqid(n), priority, count });
  }

  get commit(): GitSha {
    return this.commits.at(-1) ?? FIRST_COMMIT;
  }

  /** A user pushes a commit past the queue, which breaks the trunk, repairs it, or does neither. */
  pushPast(broken: boolean): void {
    this.broken = broken;
    this.pushes.push(this.#move());
  }

  #move(): GitSha {
    this.commits.push(sha(`f${this.commits.length}`));
    return this.commit;
  }

  /** The name of a tree: what has landed or is composed, and what was pushed past the queue. */
  #treeName(tree: ReadonlySet<number>): GitSha {
    return hashOf("tree", [...tree].sort().join(), this.pushes.join()).slice(0, 40) as GitSha;
  }

  control(mode: QueueMode): void {
    this.modes.push(mode);
    const version = this.modes.length;
    this.inbox.push({ v: 1, kind: "queue-control", queue: QUEUE, mode, at: epochMs(this.time), version });
  }

  tick(): void {
    this.time += 130_000;
    this.inbox.push({ v: 1, kind: "tick", queue: QUEUE, nonce: String(this.time) });
  }

  plan(signals: readonly Signal[]): Plan {
    const snapshot = { queue: this.queueState, batches: [...this.live.values()], requests: this.requests };
    return plan(this.config, snapshot, signals, epochMs(this.time));
  }

  /**
   * One run of the planner over the first `count` signals, by the run that the product's own function uses. A crash leaves them in the inbox,
   * and what was done, done.
   */
  run(count = 10, crash?: Crash): Plan {
    this.time += 1;
    const signals = this.inbox.slice(0, count);
    const before = { queue: this.queueState, batches: [...this.live.values()] };
    const results: Plan[] = [];
    const shell = this.#shellOf(results, crash);
    const death = deathOf(() => runStepsNow(wakeUp(shell, this.config, signals)));
    const [result] = results;
    if (result === undefined) throw new Error("the planner did not run");
    this.runs.push({ signals, ...before, result, crashed: death });
    this.#checkBudget();
    if (death) this.#remembered.clear();
    if (death) return result;
    this.inbox.splice(0, signals.length);
    return result;
  }

  /** Stores and commands in memory. After `crash` effects, each call dies. `results` gets what the planner decides. */
  #shellOf(results: Plan[], crash: Crash): PlanningShell {
    let left = crash ?? Number.POSITIVE_INFINITY;
    const effect = <T>(take: () => T): T => {
      left -= 1;
      if (left < 0) throw new Died();
      return take();
    };
    const alive = <T>(read: () => T): T => {
      if (left < 0) throw new Died();
      return read();
    };
    return {
      planner: (...args) => {
        const result = plan(...args);
        results.push(result);
        return result;
      },
      requests: { get: (id) => this.requests.get(id) },
      batches: {
        live: () => alive(() => ({ queue: this.queueState, batches: this.#known() })),
        remember: (batch) => void this.#remembered.set(batch.id, batch),
        putQueue: (next, before) => effect(() => this.#writeQueue(next, before)),
        put: (next, before) => effect(() => this.#write(next, before)),
        archive: (batch) => effect(() => this.#archive(batch)),
      },
      carryOut: (_, command) => effect(() => this.#carryOut(command)),
      // A command that dies looks refused for good. The process asks for the time before it tells the planner, and ends there.
      now: () => alive(() => epochMs(this.time)),
      nonce: () => "here",
      log: {
        error: (_, what) => {
          throw new Error(what);
        },
      },
    };
  }

  /** The live batches as the planner's process knows them. */
  #known(): Batch[] {
    return [...this.live.values()].map((batch) => {
      const remembered = this.#remembered.get(batch.id);
      return remembered?.version === batch.version ? remembered : batch;
    });
  }

  #writeQueue(next: QueueState, before: number): true {
    if (this.queueState.version !== before || next.version !== before + 1) throw new Error("queue item: version");
    this.queueState = next;
    return true;
  }

  #write(next: Batch, expected: number): true {
    const stored = this.live.get(next.id)?.version ?? 0;
    if (stored !== expected || next.version !== expected + 1)
      throw new Error(`${next.id}: ${stored} is not ${expected}`);
    const before = this.live.get(next.id);
    if (next.state === "failed" && before?.state !== "failed")
      this.rejections.push({
        n: numberIn(next.request.sqid),
        reason: next.reason,
        trunk: new Set(this.trunk),
        broken: this.broken || this.outage,
      });
    this.live.set(next.id, this.#store(next));
    return true;
  }

  #archive(batch: Batch): true {
    this.live.delete(batch.id);
    this.archived.set(batch.id, batch);
    return true;
  }

  /** Refuses no command. */
  #carryOut(command: Command): [] {
    this.#apply(command);
    return [];
  }

  #apply(command: Command): void {
    switch (command.kind) {
      case "start-build": {
        if (this.builds.has(command.buildKey)) return;
        if ("unless" in command.head && this.#needsNoBuild(command.buildKey, command.head)) return;
        this.builds.set(command.buildKey, {
          key: command.buildKey,
          batchId: command.batchId,
          head: command.sqids.map(numberIn),
          ...this.#compose([...command.base, command.head].flatMap(numbersOf)),
          state: "running",
        });
        return;
      }
      case "land":
        this.merges.push(command.message);
        return;
      case "end-request": {
        const request = this.requests.get(command.sqid);
        if (!request || (hasEnded(request.state as never) && command.outcome !== "landed")) return;
        if (request.state === command.outcome) return;
        this.requests.set(command.sqid, { ...request, state: command.outcome, version: request.version + 1 });
        return;
      }
      case "announce-trunk":
        this.news.set(command.message.version, command.message);
        return;
      case "announce":
        for (const event of command.events) if (!this.log.has(event.id)) this.log.set(event.id, event);
    }
  }

  /** True when the trunk itself needs no build, which is reported. */
  #needsNoBuild(key: BuildKey, { batchId, unless }: TrunkUnit): boolean {
    const { commit } = this;
    if (!unless.includes(commit)) {
      this.trunkBuilds.set(commit, (this.trunkBuilds.get(commit) ?? 0) + 1);
      return false;
    }
    const none = { ...this.#compose([]), head: [], tree: new Set<number>(), treeName: commit };
    const build: BuildRecord = { key, batchId, ...none, state: "cancelled" };
    this.builds.set(key, build);
    this.report(build, { kind: "unchanged", trunk: commit });
    return true;
  }

  /** Trunk and these changes in order, less what has landed, as far as they apply. */
  #compose(
    units: readonly number[],
  ): Pick<BuildRecord, "tree" | "refused" | "trunk" | "treeName" | "tests" | "broken"> {
    const tree = new Set(this.trunk);
    const onTrunk = { trunk: this.commit, tests: this.config.buildRunner.tests, broken: this.broken };
    for (const n of units) {
      if (tree.has(n)) continue;
      if (!applies(this.fate, n, tree)) return { tree, refused: n, treeName: this.#treeName(tree), ...onTrunk };
      tree.add(n);
    }
    return { tree, treeName: this.#treeName(tree), ...onTrunk };
  }

  /** True when no change of the tree is at fault, and the trunk does not break the build. */
  #isSound(build: BuildRecord): boolean {
    const { tree, broken } = build;
    const about = testedBy(build);
    const isRepaired = [...tree].some((n) => this.fate.repairs?.has(n));
    return !this.outage && (!broken || isRepaired) && passes(this.fate, tree, about);
  }

  running(): BuildRecord[] {
    return [...this.builds.values()].filter((build) => build.state === "running");
  }

  /** The build ends as fate will have it, or as cancelled when the planner has given it up; or it fails, or breaks down, for no reason. */
  finish(build: BuildRecord, chance?: "flakes" | "breakdowns"): void {
    const path = this.live.get(build.batchId)?.paths.find((candidate) => candidate.buildKey === build.key);
    const ofTrunk = this.queueState.trunk?.build;
    const wanted = path ?? (ofTrunk?.buildKey === build.key ? ofTrunk : undefined);
    const unwanted = wanted?.state !== "building";
    const about = testedBy(build);
    build.state = unwanted ? "cancelled" : this.#isSound(build) ? "passed" : "failed";
    if (build.refused !== undefined) build.state = "failed";
    else if (chance !== undefined && build.state === "passed") {
      build.state = chance === "flakes" ? "failed" : "cancelled";
      const counts = this[chance];
      for (const n of about) counts.set(n, (counts.get(n) ?? 0) + 1);
    }
    this.report(build, this.#verdictOn(build, unwanted));
  }

  /** The most builds of one kind that any of the changes that the build tests, and that have not landed, has had. */
  mostOf(counts: ReadonlyMap<number, number>, build: BuildRecord): number {
    return Math.max(0, ...[...testedBy(build)].filter((n) => !this.trunk.includes(n)).map((n) => counts.get(n) ?? 0));
  }

  #verdictOn({ key, state, refused, trunk, treeName, head }: BuildRecord, unwanted: boolean): BuildVerdict {
    const isOfTrunk = head.length === 0;
    const composed = isOfTrunk
      ? { commit: trunk, tree: treeName, trunk, author: "Ann" }
      : { commit: sha(key), tree: treeName, trunk };
    if (refused !== undefined) {
      const reason = { code: "merge.conflict" as const, message: `${refused} conflicts` };
      return { kind: "unappliable", batchId: batchIdOf(sqid(refused)), reason };
    }
    if (state === "passed") return { kind: "passed", composed };
    if (state === "failed") return { kind: "failed", composed, reason: { code: "build.failed", message: "it failed" } };
    if (unwanted) return { kind: "cancelled" };
    return { kind: "infrastructure", reason: { code: "build.infrastructure", message: "no runner" } };
  }

  report(build: BuildRecord, verdict: BuildVerdict): void {
    this.inbox.push({
      v: 1,
      kind: "build-finished",
      queue: QUEUE,
      batchId: build.batchId,
      buildKey: build.key,
      verdict,
    });
  }

  /** Runway takes the next message; a batch that has landed answers as before. */
  land(duplicate = false): void {
    const message = duplicate ? this.merges[0] : this.merges.shift();
    if (!message) return;
    const results: { batchId: BatchId; outcome: LandOutcome }[] = [];
    const onto = this.commit;
    let isBlocked = false;
    for (const group of groupsOf(message.batches)) {
      const open = group.filter((unit) => !this.landed.has(unit.batchId));
      const obstacle = isBlocked ? new Map() : this.#obstacleTo(open);
      if (isBlocked || obstacle !== undefined) {
        isBlocked = true;
        for (const { batchId } of group)
          results.push({
            batchId,
            outcome: this.landed.get(batchId) ?? obstacle?.get(batchId) ?? { kind: "skipped" },
          });
        continue;
      }
      const news = open.flatMap(numbersOf);
      this.trunk.push(...news);
      if (news.length > 0) this.landings.push(this.#landing(group[0]?.batchId, news));
      if (news.some((n) => this.fate.repairs?.has(n))) this.broken = false;
      const commit = news.length > 0 ? this.#move() : this.commit;
      const tree = this.#treeName(new Set(this.trunk));
      for (const unit of group) {
        const outcome = this.landed.get(unit.batchId) ?? {
          kind: "landed",
          commit,
          tree,
          testedTree: unit.tested.tree,
          commits: [commit],
          onto,
        };
        this.landed.set(unit.batchId, outcome);
        results.push({ batchId: unit.batchId, outcome });
      }
    }
    this.inbox.push({ v: 1, kind: "land-finished", queue: QUEUE, landId: message.id, results });
  }

  /** Why the group does not land: one of it does not apply, or the tree is not the one that was tested where it has to be. */
  #obstacleTo(group: LandBatch["batches"]): Map<BatchId, LandOutcome> | undefined {
    const tree = new Set(this.trunk);
    for (const unit of group)
      for (const n of numbersOf(unit)) {
        const reason = { code: "merge.conflict" as const, message: `${n} conflicts` };
        if (!applies(this.fate, n, tree)) return new Map([[unit.batchId, { kind: "refused", reason }]]);
        tree.add(n);
      }
    const last = group.at(-1);
    if (!last?.exact || last.tested.tree === this.#treeName(tree)) return undefined;
    this.stale += 1;
    return new Map(group.map(({ batchId }) => [batchId, { kind: "stale", trunk: this.commit }]));
  }

  #landing(first: BatchId | undefined, group: readonly number[]): Landing {
    const bypassed = first ? (this.live.get(first)?.landing?.bypassed ?? []) : [];
    const passed = [...this.builds.values()].filter((build) => build.state === "passed").map((build) => build.tree);
    return {
      group,
      trunk: [...this.trunk],
      passed,
      bypassed: bypassed.map((id) => Number(id.slice(id.lastIndexOf("/") + 1))),
    };
  }

  /**
   * Counts the builds that run, and those that the stored state says are still to be started. A build that has ended holds no machine,
   * even when a run that was cut off has not stored its end, and has stored what was to be started in its place.
   */
  #checkBudget(): void {
    const paths = [...this.live.values()].flatMap((batch) => batch.paths.filter(pathIsActive));
    const { build } = this.queueState.trunk ?? {};
    const wanted = [...paths, ...(build === undefined ? [] : [build])].filter(
      ({ buildKey }) => (this.builds.get(buildKey)?.state ?? "running") === "running",
    );
    this.mostBuilds = Math.max(this.mostBuilds, this.running().length, wanted.length);
  }

  /** Nothing is left to happen. */
  quiet(): boolean {
    return this.inbox.length === 0 && this.merges.length === 0 && this.running().length === 0;
  }

  /** Lets everything that is under way come to its end. Throws when it does not. */
  drain(): void {
    for (let round = 0; round < 400; round++) {
      while (this.inbox.length > 0) this.run();
      const build = this.running()[0];
      if (build) this.finish(build);
      else if (this.merges.length > 0) this.land();
      else if ([...this.live.values()].length > 0 && round < 390) this.tick();
      else return;
    }
    throw new Error(
      `does not come to rest: ${[...this.live.values()].map(({ id, state, paths }) => `${id} ${state} ${paths.length}`).join(", ")}`,
    );
  }

  stateOf(n: number): string | undefined {
    return this.requests.get(sqid(n))?.state;
  }

  trailOf(n: number): string[] {
    return [...this.log.values()]
      .filter((event) => event.sqid === sqid(n))
      .map((event) => (event.kind === "status" ? event.status : event.event));
  }
}

/** Consecutive units of one bundle are one commit point. */
function groupsOf(units: LandBatch["batches"]): LandBatch["batches"][] {
  const groups: LandBatch["batches"][] = [];
  for (const unit of units) {
    const last = groups.at(-1);
    if (unit.bundle !== undefined && last?.[0]?.bundle === unit.bundle) last.push(unit);
    else groups.push([unit]);
  }
  return groups;
}

const numberIn = (id: Sqid): number => Number(id.slice(id.indexOf("/") + 1));

const numbersOf = (unit: { readonly steps: readonly { readonly sqid: Sqid }[] }): number[] =>
  unit.steps.map((step) => numberIn(step.sqid));

/** Finishes the build of these heads, and of exactly this tree when one is given, and runs the planner. */
export function finish(world: World, heads: readonly number[], tree?: readonly number[]): void {
  const build = world
    .running()
    .find(
      (running) =>
        String(running.head) === String(heads) && (!tree || String([...running.tree].sort()) === String(tree)),
    );
  if (build === undefined) throw new Error(`${heads} on ${tree} is not being built`);
  world.finish(build);
  world.run();
}
