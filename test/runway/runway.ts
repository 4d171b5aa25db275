import type { Repository } from "../../functions/adapters/git/repository.ts";
import type { BatchId, BuildKey } from "../../functions/contracts/ids.ts";
import type { LandBatch, LandOutcome } from "../../functions/contracts/messages/landing-messages.ts";
import type { Composed, MergeUnit } from "../../functions/contracts/messages/merge-unit.ts";
import type { CheckResult } from "../../functions/contracts/messages/runway-tasks.ts";
import type { QueueConfig } from "../../functions/contracts/queues.ts";
import { check, compose } from "../../functions/runway/compose.ts";
import { type LandAnswer, type LandOptions, land } from "../../functions/runway/land.ts";
import { buildKey, INSTALLATION, landing, NOW, type Sandbox } from "../adapters/git/sandbox.ts";

/** Runway on a sandbox, step by step. */
export class Runway {
  readonly sandbox: Sandbox;
  readonly repository: Repository;
  readonly config: QueueConfig;
  #count = 0;

  constructor(sandbox: Sandbox, repository: Repository) {
    this.sandbox = sandbox;
    this.repository = repository;
    this.config = sandbox.config;
  }

  static async on(sandbox: Sandbox): Promise<Runway> {
    return new Runway(sandbox, await sandbox.open());
  }

  check(unit: MergeUnit): Promise<CheckResult> {
    const [step] = unit.steps;
    if (!step) throw new Error("a unit has a step");
    return check(this.repository, this.config, { queue: this.config.name, step });
  }

  compose(
    head: MergeUnit,
    options: {
      base?: readonly MergeUnit[];
      /** Those of the base that the build is for, too. */
      bundled?: readonly MergeUnit[];
      without?: readonly BatchId[];
      key?: BuildKey;
    } = {},
  ) {
    const { base = [], bundled = [], without = [], key = buildKey(1, ++this.#count) } = options;
    const sqids = [...bundled, head].flatMap(({ steps }) => steps.map(({ sqid }) => sqid));
    const names = { queue: this.config.name, installation: INSTALLATION, buildKey: key };
    const task = { ...names, base: [...base], head, sqids, without: [...without] };
    return compose(this.repository, this.config, task, NOW);
  }

  /** Composes, and takes it for granted that it works. */
  async tested(head: MergeUnit, base: readonly MergeUnit[] = []): Promise<Composed> {
    const result = await this.compose(head, { base });
    if (result.kind !== "composed") throw new Error(JSON.stringify(result));
    return result.composed;
  }

  /** Batches that one build has tested: that of the last one, on top of the others. One composition, however many batches there are. */
  async builtTogether(units: readonly MergeUnit[]) {
    const last = units.at(-1);
    if (last === undefined) throw new Error("no units");
    const tested = await this.tested(last, units.slice(0, -1));
    return units.map((unit) => ({ unit, tested, exact: unit === last }));
  }

  /** Composes units on top of each other, and lands them in one push. */
  async landTogether(units: readonly MergeUnit[]): Promise<LandOutcome[]> {
    return this.land(landing("together", await this.builtTogether(units)));
  }

  answer(message: LandBatch, options: Partial<LandOptions> = {}): Promise<LandAnswer> {
    return land(this.repository, this.config, message, { now: NOW, ...options });
  }

  async land(message: LandBatch, options: Partial<LandOptions> = {}): Promise<LandOutcome[]> {
    const answer = await this.answer(message, options);
    if (answer.kind === "held") throw new Error(answer.reason.message);
    return answer.results.map(({ outcome }) => outcome);
  }

  /** Composes and lands one unit. */
  async landAlone(unit: MergeUnit, id = unit.batchId as string): Promise<LandOutcome> {
    const [outcome] = await this.land(landing(id, [{ unit, tested: await this.tested(unit) }]));
    if (!outcome) throw new Error("no outcome");
    return outcome;
  }
}
