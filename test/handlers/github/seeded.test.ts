import { pino } from "pino";
import { expect, it } from "vitest";
import { Client } from "../../../client/client.ts";
import { retryAtOf } from "../../../functions/adapters/github/errors.ts";
import { movedRef } from "../../../functions/contracts/build-refs.ts";
import { isRetryable } from "../../../functions/contracts/errors.ts";
import type { Delivery, PullMessage } from "../../../functions/contracts/github.ts";
import type { GitSha } from "../../../functions/contracts/ids.ts";
import { GitHubAppConfig, QueuesConfig } from "../../../functions/contracts/queues.ts";
import { type Reason, reasonOf } from "../../../functions/contracts/reasons.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { handle } from "../../../functions/handlers/github/commands.lambda.ts";
import { queuesOf, type Service, targetsOf } from "../../../functions/handlers/github/service.ts";
import { seeded } from "../../../localstack/demo/random.ts";
import { type Fault, MemoryGitHub, type MemoryPull } from "./memory-github.ts";
import { FakeGateway, MemoryStore, REPOSITORY } from "./world.ts";

const RUNS = Number(process.env["GITHUB_RUNS"] ?? 60);
const FIRST = Number(process.env["GITHUB_SEED"] ?? 1);

const STEPS = 70;
const MOST_PULLS = 7;

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

  /** Every other run moves heads; in every third, GitHub dismisses reviews for a push. */
  readonly #moves: boolean;
  readonly #dismissesStale: boolean;
  /** Requests, by index, whose landing has moved the heads of its pull requests: what each held, and holds. */
  readonly #moved = new Map<
    number,
    readonly { readonly pull: MemoryPull; readonly from: GitSha; readonly to: GitSha }[]
  >();
  /** Pull requests that GitHub has yet to mark as merged. */
  #unmarked: { readonly pull: MemoryPull; readonly to: GitSha }[] = [];
  /** Pull requests of which a review was withdrawn while no webhook was sent. */
  readonly #untold = new Set<number>();

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.#moves = seed % 2 === 0;
    this.#dismissesStale = seed % 3 === 0;

    const app = GitHubAppConfig.parse({ repositories: { [REPOSITORY]: ["main"] } });
    const { queues } = QueuesConfig.parse({
      queues: [
        {
          name: "main",
          repository: { remote: "/shop" },
          changeProvider: { type: "github", waitFor: ["review", "checks"] },
          buildRunner: { type: "fake" },
          markMerged: this.#moves ? "moveHead" : "close",
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
      obstacle: async (_queue, changes) => this.#obstacleTo(changes),
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
      this.github.isInstalled ||= this.chance(0.2);
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

  /** A pull request onto the trunk, or onto the branch of another. */
  open(): void {
    const below = this.chance(0.5) ? this.anyPull() : undefined;
    if (this.github.pulls.length < MOST_PULLS) this.github.open(below?.isOpen === true ? below.branch : "main");
  }

  /** A pull request that is in the queue, when there is one. */
  anyQueued(): MemoryPull {
    const queued = this.gateway.requests.filter(({ status }) => status === "speculating");
    const members = queued.flatMap(({ body }) => this.#membersOf(body.changes));
    return members.length === 0 ? this.anyPull() : this.#oneOf(members).pull;
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

  /** The pull requests of a request, with the commits that are to land. */
  #membersOf(changes: readonly string[]): readonly { readonly pull: MemoryPull; readonly sha: GitSha }[] {
    return changes.flatMap((uri) => {
      const [, number, sha] = /\/pull\/(\d+)\/(\w+)$/.exec(uri) ?? [];
      const pull = this.github.pulls[Number(number) - 1];
      return pull === undefined ? [] : [{ pull, sha: sha as GitSha }];
    });
  }

  /** What GitHub says against landing changes, as the reviews of a queue are read. */
  #obstacleTo(changes: readonly string[]): Reason | undefined {
    for (const { pull, sha } of this.#membersOf(changes)) {
      if (!pull.isOpen) return reasonOf("change.closed", `#${pull.number} is closed.`);
      if (pull.isDraft) return reasonOf("change.draft", `#${pull.number} is a draft.`);
      if (pull.head !== sha) return reasonOf("change.stale", `#${pull.number} was pushed to.`);
      if (!pull.isApproved) return reasonOf("change.not_reviewed", `#${pull.number}: the review was withdrawn.`);
    }
    return undefined;
  }

  /** How often it happened. */
  readonly happened = new Map<string, number>();
  #count(what: (typeof HAPPENINGS)[number]): void {
    this.happened.set(what, (this.happened.get(what) ?? 0) + 1);
  }

  /** A review comes or goes. */
  review(pull: MemoryPull, isApproved: boolean, by = "bob"): void {
    if (pull.isApproved === isApproved) return;
    pull.isApproved = isApproved;
    if (!isApproved) this.#count("review withdrawn");
    if (!isApproved && !this.github.isInstalled) this.#untold.add(pull.number);
    this.deliver(pull, isApproved ? "pull_request_review.submitted" : "pull_request_review.dismissed", {}, by);
  }

  /** A push, with what GitHub makes of it. */
  push(pull: MemoryPull, by: string, sha?: GitSha): void {
    this.github.push(pull.branch, by === QUEUE ? "queue" : "user", sha);
    this.deliver(pull, "pull_request.synchronize", {}, by);
    if (this.#dismissesStale) this.review(pull, false, by);
  }

  /** The queue gets on with a request. */
  async advance(): Promise<void> {
    const open = this.gateway.requests.filter(({ status }) => !ENDED.includes(status));
    if (open.length === 0) return;
    const request = this.#oneOf(open);
    const index = this.gateway.requests.indexOf(request);
    const { changes } = request.body;
    if (request.status === "accepted") {
      // Admission waits for the review, and refuses the rest.
      const obstacle = this.#obstacleTo(changes);
      if (obstacle === undefined) request.status = "speculating";
      else if (obstacle.code !== "change.not_reviewed") Object.assign(request, { status: "error", reason: obstacle });
    } else if (request.isLanding === true) {
      this.#land(request, index);
      if (ENDED.includes(request.status)) request.isLanding = false;
    } else if (request.status === "speculating") {
      const [lands, fails] = [this.chance(0.5), this.chance(0.3)];
      // What the gateway shows comes later than what the queue does.
      if (lands && this.chance(0.5)) request.status = "landing";
      if (lands) request.isLanding = true;
      else if (fails) Object.assign(request, { status: "error", reason: reasonOf("build.failed", "red") });
    }
    await this.#told(index);
  }

  async #told(index: number): Promise<void> {
    for (const pull of this.store.places.get(`main/${index + 1}`)?.pulls ?? []) this.look(pull);
  }

  /** What runway does: asks once more; moves the heads; dies, gives up, or pushes the trunk. */
  #land(request: FakeGateway["requests"][number], index: number): void {
    const members = this.#membersOf(request.body.changes);
    const moved = this.#moved.get(index);
    if (moved === undefined) {
      const obstacle = this.#obstacleTo(request.body.changes);
      if (obstacle !== undefined) this.#count("refused at the landing");
      if (obstacle !== undefined) Object.assign(request, { status: "error", reason: obstacle });
      else if (this.#moves) this.#moved.set(index, this.#moveHeads(members));
      else {
        this.#count("landed otherwise");
        Object.assign(request, { status: "landed", commit: this.#onTrunk(this.github.newCommit()) });
      }
      return;
    }
    if (!this.#isCalm && this.chance(0.2)) return;
    if (!this.#isCalm && this.chance(0.2)) {
      for (const { pull, from, to } of moved) {
        this.github.refs.delete(movedRef(to));
        if (pull.head === to && pull.isOpen) this.push(pull, QUEUE, from);
      }
      this.#count("heads put back");
      this.#moved.delete(index);
      Object.assign(request, { status: "error", reason: reasonOf("push.declined", "The host refuses it.") });
      return;
    }
    for (const { to } of moved) {
      this.github.refs.delete(movedRef(to));
      this.#onTrunk(to);
    }
    this.#unmarked.push(...moved);
    if (this.#isCalm || this.chance(0.5)) this.markMerged();
    this.#count("landed by a move");
    Object.assign(request, { status: "landed", commit: moved.at(-1)?.to });
  }

  #onTrunk(sha: GitSha): GitSha {
    this.github.trunk.add(sha);
    return sha;
  }

  #moveHeads(members: readonly { readonly pull: MemoryPull; readonly sha: GitSha }[]) {
    const branches = members.map(({ pull }) => pull.branch);
    for (const above of this.github.pulls.filter(({ isOpen, base }) => isOpen && branches.includes(base))) {
      above.base = "main";
      this.#count("based on the trunk");
      this.deliver(above, "pull_request.edited", {}, QUEUE);
    }
    this.#count("heads moved");
    return members.map(({ pull, sha }) => {
      const to = this.github.newCommit();
      this.github.refs.add(movedRef(to));
      this.push(pull, QUEUE, to);
      return { pull, from: sha, to };
    });
  }

  /** GitHub marks pull requests as merged whose heads have come onto the trunk. */
  markMerged(): void {
    for (const { pull, to } of this.#unmarked.splice(0)) {
      if (!pull.isOpen || pull.head !== to || pull.base !== "main") continue;
      Object.assign(pull, { isOpen: false, isMerged: true });
      this.#count("marked as merged");
      this.deliver(pull, "pull_request.closed", {}, QUEUE);
    }
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
    this.markMerged();
    this.gateway.loseAnswers = 0;
    for (const round of [1, 2, 3]) {
      this.clock.at += 120_000;
      await this.reconcile();
      this.#underWay.push(...this.#dead.splice(0).map((message) => ({ message, at: 0 })));
      while (this.#underWay.length > 0) {
        this.clock.at += 60_000;
        await this.#arrive();
      }
      if (round === 1) this.movedButOpen = [...this.#movedButOpen(), ...this.#unreviewedButOpen()];
      for (const [index, request] of this.gateway.requests.entries()) {
        if (ENDED.includes(request.status)) continue;
        request.isLanding = false;
        if (this.#moved.has(index)) this.#land(request, index);
        else Object.assign(request, { status: "error", reason: reasonOf("build.failed", "red") });
      }
    }
  }

  /** Requests that have not ended though their pull request is not what was asked for. */
  movedButOpen: readonly string[] = [];

  #movedButOpen(): readonly string[] {
    return [...this.store.rows.values()].flatMap(({ asked, open }) => {
      const request = this.gateway.requests[Number(asked?.sqid?.split("/")[1]) - 1];
      if (
        !open ||
        asked === undefined ||
        request === undefined ||
        request.isLanding === true ||
        ENDED.includes(request.status)
      )
        return [];
      const moved = asked.members.filter(({ pull, head }) => this.github.pulls[pull - 1]?.head !== head);
      return moved.length === 0 ? [] : [`${asked.sqid} of #${moved[0]?.pull} goes on, and the branch was pushed to`];
    });
  }

  /** Requests that builds are spent on though a review was withdrawn. */
  #unreviewedButOpen(): readonly string[] {
    return this.gateway.requests.flatMap(({ status, body, isLanding }, index) => {
      const lost = this.#membersOf(body.changes).find(({ pull }) => !pull.isApproved && !this.#untold.has(pull.number));
      if (status !== "speculating" || isLanding === true || lost === undefined) return [];
      return [`main/${index + 1} of #${lost.pull.number} goes on, and the review was withdrawn`];
    });
  }

  /** True when a user has pushed to a branch of the request since the commit that is to land was pushed there. */
  #wasPushed({ body }: FakeGateway["requests"][number]): boolean {
    return this.#membersOf(body.changes).some(({ pull, sha }) => {
      const pushes = this.github.pushes.filter(({ branch }) => branch === pull.branch);
      const pinned = pushes.findIndex((push) => push.sha === sha);
      return pushes.slice(pinned + 1).some(({ by }) => by === "user");
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
    const found: string[] = [...this.movedButOpen];
    for (const closed of this.github.closedByDeletion) found.push(`#${closed} was closed by the deletion of a branch`);
    this.gateway.requests.forEach((request, index) => {
      const { key, body, status } = request;
      const cancel = request.cancel ?? request.cancelTooLate ?? "";
      if (/pushed to/.test(cancel)) this.#count("cancelled for a push");
      if (/review was withdrawn/.test(cancel)) this.#count("cancelled for a review");
      const { changes } = body;
      if (/pushed to/.test(cancel) && !this.#wasPushed(request))
        found.push(`main/${index + 1} was cancelled for a push of the queue`);
      if (/base of the pull request|another base/.test(cancel))
        found.push(`main/${index + 1} was cancelled for a base that the queue changed`);
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
      const { comments = [], isMerged = false } = this.github.pulls[given.pull - 1] ?? {};
      const told = comments.filter((text) => text.includes(`submitqueue:end:${sqid} -->`)).length;
      // What GitHub marks as merged is told by that; by a comment as well when GitHub takes more than a minute.
      if (told > 1 || (told === 0 && !(status === "landed" && isMerged)))
        found.push(`${sqid} (${status}) was told ${told} times on #${given.pull}`);
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

const HAPPENINGS = [
  "heads moved",
  "heads put back",
  "landed by a move",
  "landed otherwise",
  "marked as merged",
  "based on the trunk",
  "review withdrawn",
  "refused at the landing",
  "cancelled for a review",
  "cancelled for a push",
] as const;

const ENDED = ["landed", "error", "cancelled"];
const QUEUE = "submitqueue[bot]";
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
    if (pull.isOpen) run.push(pull, run.anyone());
  },
  (run) => run.open(),
  (run) => {
    const pull = run.anyPull();
    pull.isDraft = !pull.isDraft && run.chance(0.5);
    run.deliver(pull, pull.isDraft ? "pull_request.converted_to_draft" : "pull_request.ready_for_review");
  },
  (run) => {
    const pull = run.anyPull();
    if (pull.isMerged || run.github.deleted.has(pull.branch) || run.github.deleted.has(pull.base)) return;
    pull.isOpen = !pull.isOpen || run.chance(0.5);
    run.deliver(pull, pull.isOpen ? "pull_request.reopened" : "pull_request.closed");
  },
  (run) => run.review(run.anyQueued(), false),
  (run) => run.review(run.anyQueued(), false),
  (run) => run.review(run.anyPull(), true),
  (run) => run.review(run.anyPull(), true),
  (run) => run.deliver(run.anyPull(), "check_suite.completed", {}, "ci"),
  (run) => run.deliver(run.anyPull(), "status", {}, "ci"),
  (run) => run.markMerged(),
  ...Array.from({ length: 12 }, () => (run: Run) => run.advance()),
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
  const happened = new Map<string, number>();
  for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
    const run = new Run(seed);
    await run.play();
    await run.calm();
    expect({ seed, broken: run.broken() }).toEqual({ seed, broken: [] });
    requests += run.gateway.requests.length;
    for (const [what, count] of run.happened) happened.set(what, (happened.get(what) ?? 0) + count);
  }
  // A story in which something never happens proves nothing about it.
  if (RUNS > 60)
    console.log(
      `${RUNS} runs, ${requests} requests: ${[...happened].map((one) => one.reverse().join(" × ")).join(", ")}`,
    );
  for (const what of HAPPENINGS) expect([what, happened.get(what) ?? 0]).not.toEqual([what, 0]);
  expect(requests).toBeGreaterThan(RUNS);
}, 600_000);
