import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Repository } from "../../functions/adapters/git/repository.ts";
import type { HeadBranches, Movable } from "../../functions/adapters/github/head-branches.ts";
import { changeOf } from "../../functions/contracts/change-uri.ts";
import type { LandBatch } from "../../functions/contracts/messages/landing-messages.ts";
import { reasonOf } from "../../functions/contracts/reasons.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { giveUp, type LandOptions } from "../../functions/runway/land.ts";
import { landing, NOW, pullUri, Sandbox, unit } from "../adapters/git/sandbox.ts";
import { Runway } from "./runway.ts";

/** The calls that change something on the host, in order. A landing dies before one of them: before a call that only reads is the same. */
class Steps {
  readonly done: string[] = [];
  #diesAt = Number.POSITIVE_INFINITY;

  dieAt(step: number): void {
    this.#diesAt = this.done.length + step;
  }
  live(): void {
    this.#diesAt = Number.POSITIVE_INFINITY;
  }
  take(name: string): void {
    if (this.done.length + 1 >= this.#diesAt) throw new Error("killed");
    this.done.push(name);
  }
}

/** GitHub, as far as runway asks it about head branches. */
class Heads implements HeadBranches {
  readonly bases = new Map<number, string>();
  readonly fixed = new Map<number, string>();
  readonly steps: Steps;
  onAsked = () => {};

  constructor(steps: Steps) {
    this.steps = steps;
  }

  movable: HeadBranches["movable"] = async (changes) => {
    this.onAsked();
    return new Map(
      changes.map((uri) => {
        const change = changeOf(uri);
        const pull = change.scheme === "github" ? change.pull : 0;
        const why = this.fixed.get(pull);
        if (why !== undefined) return [uri, { kind: "fixed", why }] as [typeof uri, Movable];
        const branch = `change-${pull}`;
        const base = this.bases.get(pull) ?? "main";
        const above = [...this.bases].flatMap(([number, on]) => (on === branch ? [{ pull: number, base: on }] : []));
        return [uri, { kind: "movable", branch, bases: [...(base === "main" ? [] : [{ pull, base }]), ...above] }];
      }),
    );
  };
  retarget: HeadBranches["retarget"] = async (pulls) => {
    this.steps.take("retarget");
    for (const { pull } of pulls) this.bases.set(pull, "main");
    return new Map();
  };
  restore: HeadBranches["restore"] = async (pulls) => {
    this.steps.take("restore");
    for (const { pull, base } of pulls) this.bases.set(pull, base);
  };
}

let sandboxes: Sandbox[] = [];
afterEach(() => {
  for (const sandbox of sandboxes) sandbox.remove();
  sandboxes = [];
});

/** A repository with pull requests whose `refs/pull/N/head` follow the branches `change-N`, and a runway whose calls are counted. */
async function start() {
  const sandbox = new Sandbox({ markMerged: "moveHead" });
  sandboxes.push(sandbox);
  const steps = new Steps();
  const heads = new Heads(steps);
  const runway = await Runway.on(sandbox);
  counted(runway.repository, steps);
  sandbox.intrude();
  return {
    sandbox,
    steps,
    heads,
    runway,
    pull,
    land: (message: LandBatch, options: Partial<LandOptions> = {}) => runway.answer(message, { heads, ...options }),
  };

  function pull(n: number, from: string = sandbox.base) {
    const branch = `change-${n}`;
    sandbox.branch(
      branch,
      [1, 2].map((part) => ({ files: { [`${n}.${part}`]: "x\n" }, message: `${n}.${part}` })),
      from,
    );
    sandbox.link(`refs/pull/${n}/head`, `refs/heads/${branch}`);
    const sha = sandbox.at(`refs/heads/${branch}`) as string;
    if (from !== sandbox.base) heads.bases.set(n, `change-${n - 1}`);
    return { sha, uri: pullUri(n, sha), branch: `refs/heads/${branch}` };
  }
}
type World = Awaited<ReturnType<typeof start>>;

/** `kind`: of the push, by what it updates. */
function counted(repository: Repository, steps: Steps): void {
  const git = repository.git.bind(repository);
  repository.git = async (args, options) => {
    if (args[0] === "push") {
      const refs = args.join(" ");
      const what = refs.includes("refs/heads/main")
        ? "trunk"
        : refs.includes("refs/heads/change")
          ? "heads"
          : "records";
      steps.take(what);
    }
    return git(args, options);
  };
}

async function landingOf(
  { runway }: World,
  uris: readonly ReturnType<typeof pullUri>[],
  strategy: MergeStrategy = "REBASE",
  exact = true,
) {
  const one = unit(1, uris, strategy);
  return landing("l1", [{ unit: one, tested: await runway.tested(one), exact }]);
}

const outcomes = (answer: Awaited<ReturnType<World["land"]>>) =>
  answer.kind === "answered" ? answer.results.map(({ outcome }) => outcome.kind) : answer.kind;
const records = ({ sandbox }: World) => sandbox.refs("refs/submitqueue/moved/");
/** `pre-receive` declines all of a push, `update` a ref. */
const hook = ({ sandbox }: World, perRef: string, name: "pre-receive" | "update" = "pre-receive") => {
  const path = join(sandbox.remote, "hooks", name);
  const body =
    name === "update" ? `ref=$1 old=$2 new=$3\n${perRef}` : `while read old new ref; do\n${perRef}\ndone\nexit 0`;
  writeFileSync(path, `#!/bin/sh\nexec >&2\n${body}\n`);
  chmodSync(path, 0o755);
};

describe("a head branch", () => {
  it.each<MergeStrategy>(["REBASE", "SQUASH_REBASE"])(
    "is moved to the commit that lands in a push before the trunk's, each of a stack to its own (%s)",
    async (strategy) => {
      const world = await start();
      const { sandbox, steps, heads } = world;
      const low = world.pull(1);
      const top = world.pull(2, low.sha);
      const message = await landingOf(world, [low.uri, top.uri], strategy);
      steps.done.length = 0;
      expect(outcomes(await world.land(message))).toEqual(["landed"]);
      expect(steps.done).toEqual(["records", "retarget", "heads", "trunk"]);
      const ends = sandbox.log("%H").slice(1);
      expect([sandbox.at(low.branch), sandbox.at(top.branch)]).toEqual([
        strategy === "REBASE" ? ends[1] : ends[0],
        ends.at(-1),
      ]);
      expect([heads.bases.get(2), records(world)]).toEqual(["main", []]);
    },
  );

  it("of a single pull request takes one push, in which it may only move from what is to land", async () => {
    const world = await start();
    const { uri, branch } = world.pull(1);
    const message = await landingOf(world, [uri]);
    const log = join(world.sandbox.directory, "pushed");
    hook(world, `echo "$old $new $ref" >> ${log}`);
    world.steps.done.length = 0;
    await world.land(message);
    expect(world.steps.done).toEqual(["heads", "trunk"]);
    const pushed = readFileSync(log, "utf8")
      .split("\n")
      .map((line) => line.split(" ")[2] ?? "");
    expect(pushed.indexOf(branch)).toBeLessThan(pushed.indexOf("refs/heads/main"));
    expect(world.sandbox.at(branch)).toBe(world.sandbox.trunk);
    // A repeat finds the answer, and moves nothing.
    world.steps.done.length = 0;
    expect(outcomes(await world.land(message))).toEqual(["landed"]);
    expect(world.steps.done).toEqual([]);
  });

  it("stays with MERGE, whose commits GitHub finds on the trunk; the pull requests above are based on the trunk before", async () => {
    const world = await start();
    const low = world.pull(1);
    const top = world.pull(2, low.sha);
    const message = await landingOf(world, [low.uri, top.uri], "MERGE");
    world.steps.done.length = 0;
    expect(outcomes(await world.land(message))).toEqual(["landed"]);
    expect(world.steps.done).toEqual(["records", "retarget", "trunk"]);
    expect([world.sandbox.at(low.branch), world.sandbox.at(top.branch)]).toEqual([low.sha, top.sha]);
    expect([world.heads.bases.get(2), records(world)]).toEqual(["main", []]);
  });

  it.each(["pre-receive", "update"] as const)(
    "that may not be moved, or that the host (%s) does not let the queue move, stays; why is told, and all lands",
    async (name) => {
      const world = await start();
      const [one, two, three] = [world.pull(1), world.pull(2), world.pull(3)];
      const message = await landingOf(world, [one.uri, two.uri, three.uri]);
      world.heads.fixed.set(1, "its branch is in a fork");
      hook(world, `case $ref in ${two.branch}) echo "GH013: Cannot force-push to this branch"; exit 1;; esac`, name);
      const answer = await world.land(message);
      expect(outcomes(answer)).toEqual(["landed"]);
      expect(answer.kind === "answered" && [...answer.unmoved]).toEqual([
        [one.uri, "its branch is in a fork"],
        [two.uri, expect.stringMatching(/the host declines to move change-2: GH013/)],
      ]);
      expect([one, two, three].map(({ branch }) => world.sandbox.at(branch))).toEqual([
        one.sha,
        two.sha,
        world.sandbox.trunk,
      ]);
      expect(records(world)).toEqual([]);
    },
  );

  it("that was pushed to at the last moment stays, and nothing lands", async () => {
    const world = await start();
    const { uri, branch } = world.pull(1);
    const message = await landingOf(world, [uri]);
    let pushed: string | undefined;
    world.heads.onAsked = () => {
      pushed ??= world.sandbox.commit(branch, { files: { late: "x\n" } });
    };
    const answer = await world.land(message);
    expect(answer).toMatchObject({ results: [{ outcome: { kind: "refused", reason: { code: "change.stale" } } }] });
    expect([world.sandbox.at(branch), records(world), world.sandbox.log().length]).toEqual([pushed, [], 1]);
  });
});

describe("a landing that dies before one of its calls", () => {
  const STEPS = [1, 2, 3, 4];

  it.each([
    [1, "as it was", false],
    [2, "moved meanwhile", true],
    [3, "as it was", false],
    [3, "moved meanwhile", true],
    [4, "as it was", false],
    [4, "moved meanwhile", true],
  ])("(call %i) is finished by the repeat, with the trunk %s", async (step, _trunk, hasMoved) => {
    const world = await start();
    const { sandbox, steps, heads } = world;
    const low = world.pull(1);
    const top = world.pull(2, low.sha);
    heads.bases.set(3, "change-2");
    const message = await landingOf(world, [low.uri, top.uri], "REBASE", false);
    steps.dieAt(step);
    await expect(world.land(message)).rejects.toThrow("killed");
    steps.live();
    if (hasMoved) sandbox.intrude();
    expect(outcomes(await world.land(message))).toEqual(["landed"]);
    const ends = sandbox.log("%H").slice(hasMoved ? 2 : 1);
    expect([sandbox.at(low.branch), sandbox.at(top.branch)]).toEqual([ends[1], ends[3]]);
    expect([heads.bases.get(2), heads.bases.get(3), records(world)]).toEqual(["main", "main", []]);
    expect(sandbox.log()).toHaveLength(hasMoved ? 6 : 5);
  });

  it.each(STEPS)("(call %i) is undone when the change may not land after all, also when undoing dies", async (step) => {
    const world = await start();
    const { sandbox, steps, heads } = world;
    const low = world.pull(1);
    const top = world.pull(2, low.sha);
    const message = await landingOf(world, [low.uri, top.uri]);
    steps.dieAt(step);
    await expect(world.land(message)).rejects.toThrow("killed");
    const refused = reasonOf("change.changes_requested", "@bob asked for changes");
    const obstacles: LandOptions["obstacles"] = async () => new Map([[unit(1, []).batchId, refused]]);
    for (let dying = 1; dying < 3; dying++) {
      steps.dieAt(dying);
      await world.land(message, { obstacles }).catch(() => undefined);
    }
    steps.live();
    expect(outcomes(await world.land(message, { obstacles }))).toEqual(["refused"]);
    expect([sandbox.at(low.branch), sandbox.at(top.branch)]).toEqual([low.sha, top.sha]);
    expect([heads.bases.get(2), records(world), sandbox.log().length]).toEqual(["change-1", [], 1]);
  });

  it("and is given up puts the branch back", async () => {
    const world = await start();
    const { uri, branch, sha } = world.pull(1);
    const message = await landingOf(world, [uri]);
    world.steps.dieAt(2);
    await expect(world.land(message)).rejects.toThrow("killed");
    world.steps.live();
    expect(world.sandbox.at(branch)).not.toBe(sha);
    const { repository, config } = world.runway;
    await giveUp(repository, config, message, { why: "broken", now: NOW, heads: world.heads });
    expect([world.sandbox.at(branch), records(world)]).toEqual([sha, []]);
  });

  it("between the pushes leaves a branch that builds on top may still use, and that is not taken for a push of its author", async () => {
    const world = await start();
    const one = world.pull(1);
    const message = await landingOf(world, [one.uri]);
    world.steps.dieAt(2);
    await expect(world.land(message)).rejects.toThrow("killed");
    world.steps.live();
    const base = unit(1, [one.uri]);
    expect(await world.runway.compose(unit(2, [world.pull(2).uri]), { base: [base] })).toMatchObject({
      kind: "composed",
    });
    // A record that another user wrote says nothing.
    const [ref = "", tag = ""] = records(world)[0]?.split(" ") ?? [];
    const forged = world.sandbox.git("cat-file", "tag", tag).replace(/"mac":"\w{4}/, '"mac":"0000');
    world.sandbox.point(ref, world.sandbox.store("tag", Buffer.from(`${forged}\n`)));
    expect(await world.runway.compose(unit(2, [world.pull(3).uri]), { base: [base] })).toMatchObject({
      kind: "refused",
      reason: { code: "change.stale" },
    });
  });

  it("or whose push has lost its answer goes on where the host is", async () => {
    const world = await start();
    const { uri, branch } = world.pull(1);
    const message = await landingOf(world, [uri]);
    const { repository } = world.runway;
    const git = repository.git.bind(repository);
    let lost = 0;
    repository.git = async (args, options) => {
      const answer = await git(args, options);
      if (args[0] !== "push" || ++lost > 2) return answer;
      return { exitCode: 128, stdout: Buffer.from(""), stderr: "fatal: the remote end hung up unexpectedly" };
    };
    expect(outcomes(await world.land(message))).toEqual(["landed"]);
    expect([world.sandbox.at(branch), records(world)]).toEqual([world.sandbox.trunk, []]);
    expect(lost).toBe(2);
  });
});

describe("a trunk that the host does not let be pushed", () => {
  it("for one change has its branch put back; the branch of the change ahead is moved", async () => {
    const world = await start();
    const [one, two] = [world.pull(1), world.pull(2)];
    const units = [unit(1, [one.uri]), unit(2, [two.uri])];
    const tested = [
      await world.runway.tested(units[0] as never),
      await world.runway.tested(units[1] as never, units.slice(0, 1)),
    ];
    const message = landing(
      "l1",
      units.flatMap((each, n) => (tested[n] ? [{ unit: each, tested: tested[n] }] : [])),
    );
    hook(
      world,
      `case $ref in refs/heads/main) git log --format=%s $new --not refs/heads/main | grep -q '^2' && { echo "commit message says 2"; exit 1; };; esac`,
    );
    expect(outcomes(await world.land(message))).toEqual(["landed", "refused"]);
    expect([world.sandbox.at(one.branch), world.sandbox.at(two.branch)]).toEqual([world.sandbox.trunk, two.sha]);
    expect(records(world)).toEqual([]);
  });

  it("at all has the branch put back, and the landing held", async () => {
    const world = await start();
    const { uri, branch, sha } = world.pull(1);
    const message = await landingOf(world, [uri]);
    hook(world, `case $ref in refs/heads/main) echo "GH006: Protected branch update failed"; exit 1;; esac`);
    expect(outcomes(await world.land(message))).toBe("held");
    expect([world.sandbox.at(branch), records(world)]).toEqual([sha, []]);
  });
});
