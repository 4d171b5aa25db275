import { pino } from "pino";
import { expect, it } from "vitest";
import { Client } from "../../../client/client.ts";
import { retryAtOf } from "../../../functions/adapters/github/errors.ts";
import { isRetryable } from "../../../functions/contracts/errors.ts";
import type { Delivery, PullMessage } from "../../../functions/contracts/github.ts";
import type { GitSha } from "../../../functions/contracts/ids.ts";
import { GitHubAppConfig, QueuesConfig } from "../../../functions/contracts/queues.ts";
import { reasonOf } from "../../../functions/contracts/reasons.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { handle } from "../../../functions/handlers/github/commands.lambda.ts";
import { queuesOf, type Service, targetsOf } from "../../../functions/handlers/github/service.ts";
import { seeded } from "../../../localstack/demo/random.ts";
import { type Fault, MemoryGitHub, type MemoryPull } from "./memory-github.ts";
import { FakeGateway, MemoryStore, REPOSITORY } from "./world.ts";

const RUNS = Number(process.env["GITHUB_RUNS"] ?? 60);
const FIRST = Number(process.env["GITHUB_SEED"] ?? 1);

const STEPS = 45;

/** What a person asked for: the commits that the person saw, and whether the person may land. */
interface Given {
  readonly key: string;
  readonly pull: number;
  readonly heads: ReadonlyMap<number, GitSha>;
  readonly mayWrite: boolean;
}

/** One run: people, GitHub, the queue and the network do as the seed says; then everything is delivered, and looked at. */
class Run {
  readonly clock = { at: Date.UTC(2026, 10, 26, 9) };
  readonly github = new MemoryGitHub(() => epochMs(this.clock.at));
  readonly gateway = new FakeGateway(() => this.clock.at);
  readonly store = new MemoryStore();
  readonly given: Given[] = [];
  readonly service: Service;
  readonly #random: () => number;
  /** On their way, each with the time at which it may arrive. */
  #underWay: { readonly message: PullMessage; readonly at: number }[] = [];
  /** Deliveries that GitHub could not deliver, and sends again when it is asked to. */
  #missed: Delivery[] = [];
  /** Messages that failed for good: a person has them tried again. */
  #dead: PullMessage[] = [];
  #ids = 0;
  #isCalm = false;

  constructor(seed: number) {
    this.#random = seeded(seed);
    const app = GitHubAppConfig.parse({ repositories: { [REPOSITORY]: ["main"] } });
    const { queues } = QueuesConfig.parse({
      queues: [
        {
          name: "main",
          repository: { remote: "/shop" },
          changeProvider: { type: "git" },
          buildRunner: { type: "fake" },
        },
      ],
    });
    this.service = {
      app,
      queuesOf: (repository) => queuesOf(app, queues, repository),
      targetsOf: (repository) => targetsOf(app, queues, repository),
      store: this.store,
      gateway: new Client({ url: "http://gateway.invalid", fetch: this.gateway.fetch, retries: 0 }),
      github: async () => this.github.service,
      obstacle: async () =>
        !this.#isCalm && this.chance(0.5) ? reasonOf("change.not_reviewed", "The approval was withdrawn.") : undefined,
      now: () => epochMs(this.clock.at),
      log: pino({ level: "silent" }),
    };
    this.github.faultOf = () => (this.#isCalm ? undefined : this.#oneOf<Fault | undefined>(FAULTS));
    const low = this.github.open("main");
    this.github.open(low.branch);
    this.github.open("main");
    this.clock.at += 5_000;
  }

  #below = (most: number): number => Math.floor(this.#random() * most);
  #oneOf<T>(items: readonly T[]): T {
    return items[this.#below(items.length)] as T;
  }

  async play(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      this.clock.at += this.#below(4_000);
      await this.#oneOf(ACTIONS)(this);
      for (let n = this.#below(3); n > 0; n--) await this.#arrive();
    }
  }

  /** GitHub delivers: lost, twice, late and in any order, as the seed says. Nothing is delivered for an App that is not installed. */
  deliver(pull: MemoryPull, event: string, more: Partial<Delivery> = {}, by = "ann"): Delivery {
    const message: Delivery = {
      v: 1,
      kind: "delivery",
      id: `d${++this.#ids}`,
      event,
      repository: REPOSITORY,
      pull: pull.number,
      sender: { login: by, isBot: false },
      at: epochMs(Math.floor(this.clock.at / 1_000) * 1_000),
      head: pull.head,
      ...more,
    };
    if (!this.github.isInstalled) return message;
    const [what, late] = [this.#below(10), this.clock.at + this.#below(20_000)];
    if (what === 0 && !this.#isCalm) this.#missed.push(message);
    else this.#underWay.push({ message, at: this.#isCalm ? 0 : late });
    if (what === 1) this.#underWay.push({ message, at: late + this.#below(60_000) });
    return message;
  }

  /** A command, and what the person saw when giving it. A press on a check is about the check's commit. */
  command(pull: MemoryPull, by: string, how: "comment" | "label" | "press"): void {
    const id = 1_000 + this.given.length;
    const heads = new Map(this.github.pulls.map((one) => [one.number, one.head]));
    const message =
      how === "comment"
        ? this.deliver(pull, "issue_comment.created", { comment: { id, body: "/land" } }, by)
        : how === "label"
          ? this.deliver(pull, "pull_request.labeled", { label: "land" }, by)
          : this.deliver(pull, "check_run.rerequested", { check: { id, name: "Submitqueue" }, at: undefined }, by);
    if (how === "label") pull.labels.add("land");
    const key = how === "comment" ? `gh-${id}` : how === "label" ? `gh-label-${message.id}` : `gh-check-${message.id}`;
    this.given.push({ key, pull: pull.number, heads, mayWrite: this.github.people.get(by) === "write" });
  }

  anyPull = (): MemoryPull => this.#oneOf(this.github.pulls);
  anyone = (): string => this.#oneOf(["ann", "ann", "ann", "rob"]);
  chance = (part: number): boolean => this.#random() < part;

  /** An event of the queue, which may be lost. */
  look(pull: number, verify = false): void {
    if (!verify && !this.#isCalm && this.chance(0.2)) return;
    this.#underWay.push({
      message: { v: 1, kind: "look", repository: REPOSITORY, pull, id: `l${++this.#ids}`, verify },
      at: this.clock.at,
    });
  }

  /** The queue gets on with a request. */
  async advance(): Promise<void> {
    const open = this.gateway.requests.filter(({ status }) => !ENDED.includes(status));
    if (open.length === 0) return;
    const request = this.#oneOf(open);
    request.status = this.#oneOf(["speculating", "landing", "landed", "error"]);
    if (request.status === "error") request.reason = reasonOf("build.failed", "red");
    if (request.status === "landed") request.commit = "c".repeat(40);
    const place = this.store.places.get(`main/${this.gateway.requests.indexOf(request) + 1}`);
    for (const pull of place?.pulls ?? []) this.look(pull);
  }

  /** What happens each minute. */
  async reconcile(): Promise<void> {
    for (const { pull } of await this.store.open()) this.look(pull, true);
    if (!this.github.isInstalled) return;
    this.#underWay.push(...this.#missed.splice(0).map((message) => ({ message, at: this.clock.at })));
  }

  async #arrive(): Promise<void> {
    const due = this.#underWay.filter(({ at }) => at <= this.clock.at);
    if (due.length === 0) return;
    const chosen = this.#oneOf(due);
    this.#underWay = this.#underWay.filter((one) => one !== chosen);
    try {
      await handle(this.service, chosen.message);
    } catch (error) {
      if (isRetryable(error)) this.#underWay.push({ message: chosen.message, at: retryAtOf(error) ?? this.clock.at });
      else if ((error as { code?: string }).code === "config.invalid") this.#dead.push(chosen.message);
      else throw error;
    }
  }

  /** Everything works again: what was lost is sent again, what was given up is tried again, and every request ends. */
  async calm(): Promise<void> {
    this.#isCalm = true;
    this.github.isInstalled = true;
    this.gateway.loseAnswers = 0;
    for (const round of [1, 2, 3]) {
      this.clock.at += 120_000;
      await this.reconcile();
      this.#underWay.push(...this.#dead.splice(0).map((message) => ({ message, at: 0 })));
      while (this.#underWay.length > 0) {
        this.clock.at += 60_000;
        await this.#arrive();
      }
      if (round === 1) this.movedButOpen = this.#movedButOpen();
      for (const request of this.gateway.requests) {
        if (ENDED.includes(request.status)) continue;
        Object.assign(request, { status: "error", reason: reasonOf("build.failed", "red") });
      }
    }
  }

  /** Requests that have not ended though their pull request is not what was asked for. */
  movedButOpen: readonly string[] = [];

  #movedButOpen(): readonly string[] {
    return [...this.store.rows.values()].flatMap(({ asked, open }) => {
      const request = this.gateway.requests[Number(asked?.sqid?.split("/")[1]) - 1];
      if (!open || asked === undefined || request === undefined || ENDED.includes(request.status)) return [];
      const moved = asked.members.filter(({ pull, head }) => this.github.pulls[pull - 1]?.head !== head);
      return moved.length === 0 ? [] : [`${asked.sqid} of #${moved[0]?.pull}`];
    });
  }

  /** True when an earlier request asked for the same. */
  #wasAsked(index: number): boolean {
    const { requests } = this.gateway;
    const same = JSON.stringify(requests[index]?.body.changes);
    return requests.slice(0, index).some(({ body }) => JSON.stringify(body.changes) === same);
  }

  /** What was promised and not kept, a sentence each. */
  broken(): readonly string[] {
    const found: string[] = this.movedButOpen.map((what) => `${what} goes on, and the branch was pushed to`);
    this.gateway.requests.forEach(({ key, body: { changes }, status }, index) => {
      const sqid = `main/${index + 1}`;
      const given = this.given.find((one) => one.key === key);
      if (given === undefined) {
        found.push(`${sqid}: no user asked for ${key}`);
        return;
      }
      if (!given.mayWrite) found.push(`${sqid}: asked for without the right to write`);
      // "Land again" is a word about what was asked for before, also when it comes late.
      const isAgain = key.startsWith("gh-check-") && this.#wasAsked(index);
      for (const uri of isAgain ? [] : changes) {
        const [, number, sha] = /\/pull\/(\d+)\/(\w+)$/.exec(uri) ?? [];
        if (given.heads.get(Number(number)) !== sha)
          found.push(`${sqid}: #${number} was not at ${sha} when it was asked for`);
      }
      const { comments = [] } = this.github.pulls[given.pull - 1] ?? {};
      const told = comments.filter((text) => text.includes(`submitqueue:end:${sqid} -->`)).length;
      if (told !== 1) found.push(`${sqid} (${status}) was told ${told} times on #${given.pull}`);
    });
    if (new Set(this.gateway.requests.map(({ key }) => key)).size !== this.gateway.requests.length)
      found.push("a command landed twice");
    for (const { number, comments } of this.github.pulls) {
      const markers = comments.map((text) => text.split("\n", 1)[0]);
      const twice = markers.filter((marker, index) => markers.indexOf(marker) !== index);
      if (twice.length > 0) found.push(`#${number} was told ${twice.join(", ")} more than once`);
    }
    for (const { pull, open } of this.store.rows.values())
      if (open) found.push(`#${pull} is open, and everything has ended`);
    return found;
  }
}

const ENDED = ["landed", "error", "cancelled"];
const FAULTS = [...Array<undefined>(28), "unavailable", "done", "limited", "revoked"] as const;

const ACTIONS: readonly ((run: Run) => unknown)[] = [
  (run) => run.command(run.anyPull(), run.anyone(), "comment"),
  (run) => run.command(run.anyPull(), run.anyone(), "comment"),
  (run) => run.command(run.anyPull(), run.anyone(), "label"),
  (run) => run.command(run.anyPull(), run.anyone(), "press"),
  (run) => run.deliver(run.anyPull(), "issue_comment.created", { comment: { id: 9_000, body: "/cancel" } }),
  (run) => {
    const pull = run.anyPull();
    pull.labels.delete("land");
    run.deliver(pull, "pull_request.unlabeled", { label: "land" });
  },
  (run) => {
    const pull = run.anyPull();
    run.github.push(pull.branch);
    run.deliver(pull, "pull_request.synchronize", {}, run.anyone());
  },
  (run) => {
    const pull = run.anyPull();
    pull.isDraft = !pull.isDraft && run.chance(0.5);
    run.deliver(pull, pull.isDraft ? "pull_request.converted_to_draft" : "pull_request.ready_for_review");
  },
  (run) => {
    const pull = run.anyPull();
    pull.isOpen = !pull.isOpen || run.chance(0.5);
    run.deliver(pull, pull.isOpen ? "pull_request.reopened" : "pull_request.closed");
  },
  (run) => run.deliver(run.anyPull(), "pull_request_review.dismissed", {}, run.anyone()),
  (run) => run.advance(),
  (run) => run.advance(),
  (run) => run.advance(),
  (run) => run.reconcile(),
  (run) => {
    run.gateway.loseAnswers = run.chance(0.5) ? 1 : 0;
  },
  (run) => {
    run.github.isInstalled = !run.github.isInstalled || run.chance(0.7);
  },
];

it(`${RUNS} runs of lost, repeated, late and reordered deliveries and faults lose no request, land nothing that no user saw, and tell each end once (GITHUB_SEED=${FIRST}, GITHUB_RUNS)`, async () => {
  let requests = 0;
  for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
    const run = new Run(seed);
    await run.play();
    await run.calm();
    expect({ seed, broken: run.broken() }).toEqual({ seed, broken: [] });
    requests += run.gateway.requests.length;
  }
  expect(requests).toBeGreaterThan(RUNS);
}, 600_000);
