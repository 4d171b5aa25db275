import { ENV } from "../../../functions/contracts/environment.ts";
import { CodedError, isRetryable } from "../../../functions/contracts/errors.ts";
import { hashOf } from "../../../functions/contracts/hash.ts";
import { GitSha } from "../../../functions/contracts/ids.ts";
import { MergeMessage } from "../../../functions/contracts/messages/landing-messages.ts";
import type { Composed } from "../../../functions/contracts/messages/merge-unit.ts";
import type { Land, RequestMessage } from "../../../functions/contracts/messages/request-messages.ts";
import type { InspectResult } from "../../../functions/contracts/messages/runway-tasks.ts";
import type { Signal } from "../../../functions/contracts/messages/signals.ts";
import { reasonOf } from "../../../functions/contracts/reasons.ts";
import type { BuildOrder, BuildSeen, StartResult, ValidateResult } from "../../../functions/contracts/workflows.ts";
import type { Wire } from "../../../functions/handlers/on-lambda.ts";
import { wire as ready } from "../../../functions/handlers/orchestrator/admit-workflow/ready.lambda.ts";
import { wire as reject } from "../../../functions/handlers/orchestrator/admit-workflow/reject.lambda.ts";
import { wire as start } from "../../../functions/handlers/orchestrator/admit-workflow/start.lambda.ts";
import { wire as validate } from "../../../functions/handlers/orchestrator/admit-workflow/validate.lambda.ts";
import { wire as poll } from "../../../functions/handlers/orchestrator/build-workflow/poll.lambda.ts";
import { wire as report } from "../../../functions/handlers/orchestrator/build-workflow/report.lambda.ts";
import { wire as trigger } from "../../../functions/handlers/orchestrator/build-workflow/trigger.lambda.ts";
import { wire as intake } from "../../../functions/handlers/orchestrator/intake.lambda.ts";
import { wire as plan } from "../../../functions/handlers/orchestrator/plan.lambda.ts";
import { wire as sweep } from "../../../functions/handlers/orchestrator/sweep.lambda.ts";
import { wholeComposition, wholeLandBatch } from "../../../functions/handlers/payloads.ts";
import { wire as inspect } from "../../../functions/handlers/runway/inspect.lambda.ts";
import { type Execution, QUEUE, sqid, type World } from "./world.ts";

const fakeSha = (...of: string[]): GitSha => GitSha.parse(hashOf(...of).slice(0, 40));
const failureOf = (error: unknown) => ({
  Error: error instanceof CodedError ? error.code : "Error",
  Cause: JSON.stringify({ errorMessage: String(error) }),
});

/**
 * Delivers messages, runs workflows and stands in for runway, as the deployed system would, until nothing is left to do. A function or
 * workflow that dies is started again.
 */
export class Runtime {
  readonly world: World;
  /** The requests on the trunk, in order. */
  readonly trunk: string[] = [];
  /** The commit that the trunk is at. */
  tip = fakeSha("trunk");
  /** True for a build that fails with any changes. */
  breaks: (order: BuildOrder, composed: Composed) => boolean = () => false;
  readonly #landings = new Map<string, Signal>();
  readonly #taken = new Map<string, number>();
  readonly #waiting = new Map<string, string[]>();

  constructor(world: World) {
    this.world = world;
  }

  send(message: RequestMessage): void {
    this.#queueOf("requests.fifo").push(JSON.stringify(message));
  }

  /** Until no message and no workflow moves any more, or for so many rounds. */
  async settle(most = 500): Promise<void> {
    for (let moved = true, rounds = 0; moved && rounds < most; rounds++) {
      moved = await this.#deliver("requests.fifo", intake, 1);
      moved = (await this.#deliver("signals.fifo", plan, 10)) || moved;
      moved = (await this.#land()) || moved;
      for (const execution of [...this.world.executions.values()])
        if (execution.status === "RUNNING") moved = (await this.#advance(execution)) || moved;
    }
  }

  /** A minute passes, and the sweep runs. */
  async minute(): Promise<void> {
    this.world.now += 60_000;
    await this.#attempt(() => this.world.call(sweep, {}));
    await this.settle();
  }

  #queueOf(topic: string): string[] {
    const waiting = this.#waiting.get(topic) ?? [];
    this.#waiting.set(topic, waiting);
    const sent = this.world.sent.get(topic) ?? [];
    waiting.push(...sent.slice(this.#taken.get(topic) ?? 0).map(({ body }) => body));
    this.#taken.set(topic, sent.length);
    return waiting;
  }

  async #deliver(topic: string, wire: Wire, size: number): Promise<boolean> {
    const waiting = this.#queueOf(topic);
    const batch = waiting.slice(0, size);
    if (batch.length === 0) return false;
    const back = await this.#attempt(() =>
      this.world.deliver(wire, ...batch.map((body) => JSON.parse(body) as unknown)),
    );
    const kept = back.ok ? back.value.map((id) => batch[Number(id.slice(1))] ?? "") : batch;
    waiting.splice(0, batch.length, ...kept);
    return true;
  }

  /** Runs, and revives the process that died of it. */
  async #attempt<T>(work: () => Promise<T>): Promise<{ ok: true; value: T } | { ok: false; error: unknown }> {
    try {
      return { ok: true, value: await work() };
    } catch (error) {
      return { ok: false, error };
    } finally {
      if (this.world.dead) this.world.revive();
    }
  }

  /** A step of a workflow: tried again as the state machines do, then its failure. */
  async #step<T>(wire: Wire, input: unknown): Promise<{ ok: true; value: T } | { ok: false; error: unknown }> {
    for (let tries = 1; ; tries++) {
      const done = await this.#attempt(() => this.world.call(wire, input) as Promise<T>);
      if (done.ok || tries >= 4 || !isRetryable(done.error)) return done;
    }
  }

  async #advance(execution: Execution): Promise<boolean> {
    const { workflow, input } = execution;
    const end = await (workflow === this.world.env[ENV.admitWorkflow]
      ? this.#admit(input)
      : this.#build((await wholeComposition(this.world.clients)(input)) as BuildOrder));
    if (end === undefined) return false;
    Object.assign(execution, end.ok ? { status: "SUCCEEDED", output: end.value } : { status: "FAILED" });
    return true;
  }

  async #admit(land: unknown) {
    const started = await this.#step<StartResult>(start, land);
    const since = started.ok ? { started: started.value } : {};
    const rejected = (why: object) => this.#step(reject, { land: { ...(land as Land), ...since }, ...why });
    if (!started.ok) return rejected({ error: failureOf(started.error) });
    if (started.value.kind === "ended") return started;
    const inspected = await this.#step<InspectResult>(inspect, land);
    if (!inspected.ok) return rejected({ error: failureOf(inspected.error) });
    if (inspected.value.kind === "refused") return rejected({ reason: inspected.value.reason });
    const validated = await this.#step<ValidateResult>(validate, {
      ...(land as Land),
      started: started.value,
      step: inspected.value,
    });
    if (!validated.ok) return rejected({ error: failureOf(validated.error) });
    if (validated.value.kind === "refused") return rejected({ reason: validated.value.reason });
    if (validated.value.kind === "ended") return validated;
    const isReady = await this.#step(ready, { ...(land as Land), step: validated.value });
    return isReady.ok ? isReady : rejected({ error: failureOf(isReady.error) });
  }

  /** Undefined while the build runs. */
  async #build(order: BuildOrder) {
    const composed = this.#compose(order);
    if (composed === undefined)
      return this.#step(report, { ...order, compose: { kind: "unchanged", trunk: this.tip } });
    if (this.breaks(order, composed)) {
      const reason = reasonOf("build.failed", "The trunk is broken.");
      const outcome = { kind: "finished", verdict: { kind: "failed", composed, reason } };
      return this.#step(report, { ...order, outcome });
    }
    const asked = await this.#step<BuildSeen>(trigger, { ...order, composed });
    if (!asked.ok) return this.#step(report, { ...order, error: failureOf(asked.error) });
    if (asked.value.kind === "finished") return this.#step(report, { ...order, ...asked.value });
    const seen = await this.#step<BuildSeen>(poll, order);
    if (!seen.ok) return this.#step(report, { ...order, error: failureOf(seen.error) });
    return seen.value.kind === "running" ? undefined : this.#step(report, { ...order, ...seen.value });
  }

  /** Undefined for a trunk that needs no build. */
  #compose({ base, head }: BuildOrder): Composed | undefined {
    const trunk = this.tip;
    if ("unless" in head)
      return head.unless.includes(trunk) ? undefined : { commit: trunk, tree: trunk, trunk, author: "Ann" };
    const trees = [...base, head].map(({ batchId }) => batchId);
    return { commit: fakeSha("commit", ...trees, trunk), tree: fakeSha("tree", ...trees, trunk), trunk };
  }

  /** Runway: a landing that it made before gets the same answer. */
  async #land(): Promise<boolean> {
    const waiting = this.#queueOf("merges.fifo");
    const body = waiting.shift();
    if (body === undefined) return false;
    const message = MergeMessage.parse(JSON.parse(body));
    const { id, queue, batches } = await wholeLandBatch(this.world.clients, message);
    const results = batches.map(({ batchId, tested }) => ({
      batchId,
      outcome: {
        kind: "landed" as const,
        commit: tested.commit,
        tree: tested.tree,
        testedTree: tested.tree,
        commits: [tested.commit],
        onto: this.tip,
      },
    }));
    const known = this.#landings.get(id);
    this.tip = known === undefined ? (batches.at(-1)?.tested.commit ?? this.tip) : this.tip;
    if (!known) this.trunk.push(...batches.flatMap(({ steps }) => steps.map((step) => step.sqid)));
    const answer = known ?? { v: 1, kind: "land-finished", queue, landId: id, results };
    this.#landings.set(id, answer);
    this.#queueOf("signals.fifo").push(JSON.stringify(answer));
    return true;
  }

  /** What is left over for the sweep, or for good. */
  async unfinished(count: number): Promise<readonly string[]> {
    const states = await Promise.all(
      Array.from({ length: count }, async (_, n) =>
        (await this.world.requests.get(sqid(n + 1)))?.endedAt ? [] : [sqid(n + 1)],
      ),
    );
    const live = (await this.world.batches.live(QUEUE)).batches;
    return [...states.flat(), ...live.map(({ id }) => id)];
  }
}
