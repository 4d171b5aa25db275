import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { recordsRef } from "../../functions/adapters/git/refs.ts";
import type { Repository } from "../../functions/adapters/git/repository.ts";
import type { GitSha } from "../../functions/contracts/ids.ts";
import type { LandOutcome } from "../../functions/contracts/messages/landing-messages.ts";
import type { MergeUnit } from "../../functions/contracts/messages/merge-unit.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { land } from "../../functions/runway/land.ts";
import { fingerprintOf, landedEntry } from "../../functions/runway/landing-records.ts";
import { KEPT_DAYS } from "../../functions/runway/records-tree.ts";
import { tidy } from "../../functions/runway/tidy.ts";
import { INSTALLATION, landing, NOW, Sandbox, unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";
import { Runway } from "./runway.ts";

const RECORDS = recordsRef("main");
const DAY_MS = 86_400_000;
const change = (name: string) => sandbox.branch(name, [{ files: { [`${name}.txt`]: `${name}\n` }, message: name }]);
const days = () => sandbox.git("ls-tree", "--name-only", RECORDS).split("\n");
const elsewhere = async (name: string) => new Runway(sandbox, await sandbox.open(`${sandbox.directory}/${name}`));

describe("the records of landings", () => {
  withRunway();

  it("are one ref, however much has landed, and what built the landings is gone", async () => {
    for (const n of [1, 2, 3, 4]) {
      const one = unit(n, [change(`c${n}`)]);
      const tested = await runway.tested(one);
      const answer = await land(runway.repository, runway.config, landing(`l${n}`, [{ unit: one, tested }]), {
        now: NOW,
      });
      await tidy(runway.repository, answer.kind === "answered" ? answer.spent : [], NOW);
      expect(sandbox.refs("refs/submitqueue").map((line) => line.split(" ")[0])).toEqual([RECORDS]);
    }
    expect([...sandbox.records().keys()].sort()).toEqual([1, 2, 3, 4].map((n) => `q/batch/${n}`));
  });

  it("are dropped a month later, by the push of a landing", async () => {
    const at = (day: number) => epochMs(NOW + day * DAY_MS);
    for (const day of [0, 1, KEPT_DAYS, KEPT_DAYS + 1]) {
      const one = unit(day + 1, [change(`c${day}`)]);
      const message = landing(`l${day}`, [{ unit: one, tested: await runway.tested(one) }]);
      await runway.land(message, { now: at(day) });
      // What is kept is found.
      expect(await runway.land({ ...message, id: "again" }, { now: at(day) })).toMatchObject([{ kind: "landed" }]);
    }
    const first = Math.floor(NOW / DAY_MS);
    // What was dropped is in no history either.
    expect(Number(sandbox.git("rev-list", "--count", RECORDS))).toBeLessThan(8);
    expect(days()).toEqual([1, KEPT_DAYS, KEPT_DAYS + 1].map((day) => String(first + day)));
  });

  it("are sent without the records of earlier pushes", async () => {
    const sizes: number[] = [];
    for (const n of [1, 2, 3]) {
      const one = unit(n, [change(`c${n}`)]);
      const before = sandbox.at(RECORDS);
      await runway.landAlone(one);
      sizes.push(sandbox.git("rev-list", "--objects", RECORDS, ...(before ? [`^${before}`] : [])).split("\n").length);
    }
    // A commit and two trees; for each of three records a blob and a tree.
    for (const size of sizes) expect(size).toBeLessThanOrEqual(3 + 3 * 2);
    expect(sandbox.git("rev-list", "--count", RECORDS)).toBe("3");
  });

  it("of one day are found on the next days by a repeat", async () => {
    const one = unit(1, [change("one")]);
    const message = landing("l", [{ unit: one, tested: await runway.tested(one) }]);
    const first = await runway.land(message);
    sandbox.intrude();
    for (const day of [1, 13, KEPT_DAYS])
      expect(await (await elsewhere(`day-${day}`)).land(message, { now: epochMs(NOW + day * DAY_MS) })).toEqual(first);
    expect(sandbox.log()).toEqual(["one", "pushed by hand"]);
  });

  it("of another branch stand under another ref, also when the one's name begins with the other's", () => {
    expect(new Set(["main", "main/a", "mai", "MAIN"].map(recordsRef)).size).toBe(4);
    for (const branch of ["main", `${"长".repeat(60)}`])
      expect(sandbox.git("check-ref-format", recordsRef(branch))).toBe("");
  });
});

describe("a landing is known again by its commit", () => {
  const ADA = "Signed-off-by: Ada <ada@example.test>";
  const BOB = "Bob <bob@example.test>";
  type Sketches = Parameters<Sandbox["branch"]>[1];
  const made = (message: string, file: string, author?: string) => ({
    files: { [file]: "1\n" },
    message,
    ...(author === undefined ? {} : { author }),
  });
  /** `f` is the beginning of the names of the shape's files. `other` makes a commit on the trunk, which has this file. */
  const SHAPES: readonly (readonly [what: string, sketches: (f: string, other: string) => Sketches])[] = [
    ["one commit with trailers", (f) => [made(`one\n\n${ADA}\nFixes: #1\n`, f)]],
    ["one commit without a line break at its end", (f) => [made("one", f)]],
    ["one commit with other line breaks", (f) => [made(`one\r\n\r\nBody.\r\n\r\n${ADA}\r\n`, f)]],
    [
      "commits with trailers of their own",
      (f) => [made(`one\n\n${ADA}\n`, f), made(`two\n\n${ADA}\nFixes: #2`, `${f}-2`, BOB)],
    ],
    [
      "commits that quote a conflict",
      (f) => [made("one\n\nConflicts:\n\tf1\n", f), made("two\n\n# no comment\n", `${f}-2`)],
    ],
    [
      "commits that name another landed change",
      (f) => [
        made(`one\n\nSubmitqueue-Change: git://x/y/refs%2Fheads%2Fz/${"0".repeat(40)}\n`, f),
        made("two", `${f}-2`),
      ],
    ],
    [
      "a merge commit with content of its own",
      (f, other) => [
        made("one", f),
        {
          merges: [other],
          files: { other: "x\n", own: "own\n", [f]: "1\n" },
          message: `merge\n\n${ADA}`,
        },
      ],
    ],
  ];
  const STRATEGIES: readonly MergeStrategy[] = ["REBASE", "SQUASH_REBASE", "MERGE"];
  interface Answers {
    readonly first: readonly LandOutcome[];
    readonly again: readonly LandOutcome[];
    readonly anew: readonly LandOutcome[];
    /** The trunk before the repeats and after them. */
    readonly trunks: readonly GitSha[];
  }

  /** Lands a change of each shape in one push, and lands them again: where they landed, and in another working directory. */
  async function landed(strategy: MergeStrategy): Promise<Answers> {
    const own = new Sandbox();
    onCleanup.push(() => own.remove());
    const other = own.intrude({ other: "x\n" });
    const units = SHAPES.map(([, sketches], n) =>
      unit(n + 1, [own.branch(`feature-${n}`, sketches(`f${n}`, other), own.base)], strategy),
    );
    own.intrude();
    const here = await Runway.on(own);
    const message = landing("first", await here.builtTogether(units));
    const first = await here.land(message);
    const before = own.intrude();
    // Another message: the answer to the first one does not help.
    const again = await here.land({ ...message, id: "again" });
    const there = new Runway(own, await own.open(`${own.directory}/other`));
    const anew = await there.land({ ...message, id: "anew" });
    return { first, again, anew, trunks: [before, own.trunk] };
  }

  const onCleanup: (() => void)[] = [];
  const answers = new Map<MergeStrategy, Answers>();
  beforeAll(async () => {
    for (const strategy of STRATEGIES) answers.set(strategy, await landed(strategy));
  });
  afterAll(() => {
    for (const clean of onCleanup) clean();
  });

  it.each(SHAPES.flatMap(([what], n) => STRATEGIES.map((strategy) => [what, strategy, n] as const)))(
    "%s, by %s",
    (_what, strategy, n) => {
      const { first, again, anew, trunks } = answers.get(strategy) as Answers;
      expect(first[n]).toMatchObject({ kind: "landed", commits: expect.arrayContaining([expect.any(String)]) });
      expect(again[n]).toEqual(first[n]);
      expect(anew[n]).toEqual(first[n]);
      expect(trunks[1]).toBe(trunks[0]);
    },
  );
});

describe("landings of two that share a branch", () => {
  withRunway();

  it.each([
    ["two queues", { queue: "other", batch: "other/batch/1" }],
    ["two installations of one queue", { installation: "f".repeat(32) }],
  ])("%s: neither loses the other's record", async (_, theirs) => {
    const [a, b] = [unit(1, [change("a")]), unit(1, [change("b")])];
    const [testedA, testedB] = [await runway.tested(a), await runway.tested(b)];
    const mine = landing("l", [{ unit: a, tested: testedA, exact: false }]);
    const other = landing("l", [{ unit: b, tested: testedB, exact: false }]);
    const renamed = {
      ...other,
      ...("installation" in theirs
        ? { installation: theirs.installation }
        : { queue: theirs.queue as typeof other.queue }),
      batches: other.batches.map((batch) =>
        "batch" in theirs ? { ...batch, batchId: theirs.batch as typeof batch.batchId } : batch,
      ),
    };
    const rival = await elsewhere("rival");
    let rivals: LandOutcome[] = [];
    const beforePush = async (attempt: number) => {
      if (attempt === 1) rivals = await rival.land(renamed);
    };
    const outcomes = await runway.land(mine, { beforePush });
    expect([...outcomes, ...rivals].map(({ kind }) => kind)).toEqual(["landed", "landed"]);
    expect(sandbox.log().sort()).toEqual(["a", "b"]);
    expect(await (await elsewhere("third")).land(mine)).toEqual(outcomes);
    expect(await (await elsewhere("third")).land(renamed)).toEqual(rivals);
    expect(sandbox.log()).toHaveLength(2);
  });

  it("lose no record when one only answers, and the trunk does not move", async () => {
    const one = unit(1, [sandbox.branch("one", [{ files: { f: "one\n" } }])]);
    const two = unit(2, [sandbox.branch("two", [{ files: { f: "two\n" } }])]);
    const [first, second] = [await runway.tested(one), await runway.tested(two)];
    sandbox.intrude({ f: "in the way\n" });
    const message = landing("1", [{ unit: one, tested: first, exact: false }]);
    const rivals = landing("2", [{ unit: two, tested: second, exact: false }]);
    const rival = await elsewhere("rival");
    const beforePush = async (attempt: number) => {
      if (attempt === 1) await rival.land(rivals);
    };
    expect(await runway.land(message, { beforePush })).toMatchObject([{ kind: "refused" }]);
    sandbox.intrude({ f: null });
    expect(await runway.land(message)).toMatchObject([{ kind: "refused" }]);
    expect(await runway.land(rivals)).toMatchObject([{ kind: "refused" }]);
  });
});

describe("a record that is forged", () => {
  withRunway();

  /** Puts a file of the records tree in place of another, as every user may who may push. */
  const plant = (path: string, content: string | Buffer, on = sandbox): void =>
    void on.commit(RECORDS, { files: { [path]: content.toString() }, message: "forged" });
  const pathOf = (one: MergeUnit, installation = INSTALLATION) =>
    `${Math.floor(NOW / DAY_MS)}/${landedEntry({ branch: "main", installation, now: NOW }, one.batchId, "", NOTHING).at}`;
  const NOTHING = {
    kind: "landed",
    commit: "0".repeat(40),
    tree: "0".repeat(40),
    testedTree: "0".repeat(40),
    commits: [],
  } as unknown as Extract<LandOutcome, { kind: "landed" }>;
  /** What runway would write if it had landed `one` as `commit`. */
  const record = (
    one: MergeUnit,
    commit: GitSha,
    installation = INSTALLATION,
    commits = [commit],
    on: Sandbox = sandbox,
  ) => {
    const tree = on.tree(commit);
    const outcome = { kind: "landed" as const, commit, tree, testedTree: tree, commits };
    return landedEntry({ branch: "main", installation, now: NOW }, one.batchId, fingerprintOf(one), outcome).blob.body;
  };
  const landedFor = async (one: MergeUnit) => runway.landAlone(one);

  type Forged = (one: MergeUnit, commit: GitSha, on: Sandbox) => string | Buffer;
  const inOurHand: Forged = (one, commit, on) => record(one, commit, INSTALLATION, [commit], on);
  const FORGERIES: readonly (readonly [what: string, Forged])[] = [
    ["another installation wrote", (one, commit, on) => record(one, commit, "e".repeat(32), [commit], on)],
    ["holds no JSON", () => "nonsense\n"],
    ["is of a newer version", () => JSON.stringify({ v: 3, content: "{}", mac: "" })],
    ["has been edited", (one, commit, on) => String(inOurHand(one, on.base, on)).replaceAll(on.base, commit)],
  ];

  /** Lands changes in one push, each with a forged record that says of another commit that it is the change. */
  async function landedThough(forgeries: readonly (readonly [name: string, MergeStrategy, Forged])[]) {
    const on = new Sandbox();
    afterFile.push(() => on.remove());
    const other = on.intrude();
    const units = forgeries.map(([, strategy], n) =>
      unit(n + 1, [on.branch(`c${n}`, [{ files: { [`c${n}`]: "c\n" } }])], strategy),
    );
    for (const [n, [, , forged]] of forgeries.entries()) {
      const one = units[n] as MergeUnit;
      plant(pathOf(one), forged(one, other, on), on);
    }
    const outcomes = await (await Runway.on(on)).landTogether(units);
    return new Map(forgeries.map(([name], n) => [name, { outcome: outcomes[n], file: () => on.show(`c${n}`) }]));
  }

  const afterFile: (() => void)[] = [];
  let landed: Awaited<ReturnType<typeof landedThough>>;
  beforeAll(async () => {
    const byStrategy = (["REBASE", "SQUASH_REBASE", "MERGE"] as const).map((one) => [one, one, inOurHand] as const);
    const byForgery = FORGERIES.map(([what, forged]) => [what, "REBASE", forged] as const);
    // A change is promoted only onto the trunk that the change was made on.
    const promoted = await landedThough([["PROMOTE", "PROMOTE", inOurHand]]);
    landed = new Map([...promoted, ...(await landedThough([...byStrategy, ...byForgery]))]);
  });
  afterAll(() => {
    for (const clean of afterFile) clean();
  });

  it.each<MergeStrategy>(["REBASE", "SQUASH_REBASE", "MERGE", "PROMOTE"])(
    "does not make a request of another commit of the trunk, even in our own hand: %s",
    (strategy) => {
      expect(landed.get(strategy)?.outcome).toMatchObject({ kind: "landed" });
      expect(landed.get(strategy)?.file()).toBe("c");
    },
  );

  it.each(FORGERIES.map(([what]) => what))("counts for nothing when it %s", (what) => {
    expect(landed.get(what)?.outcome).toMatchObject({ kind: "landed" });
    expect(landed.get(what)?.file()).toBe("c");
  });

  it("does not make a request of a commit that does not hold it, by saying that nothing was new", async () => {
    const one = unit(1, [change("one")]);
    plant(pathOf(one), record(one, sandbox.intrude(), INSTALLATION, []));
    expect(await landedFor(one)).toMatchObject({ kind: "landed", commits: [sandbox.trunk] });
    expect(sandbox.show("one.txt")).toBe("one");
  });

  it("by copying another batch's counts for nothing", async () => {
    const [one, two] = [unit(1, [change("one")]), unit(2, [change("two")])];
    await landedFor(one);
    plant(pathOf(two), sandbox.git("show", `${RECORDS}:${pathOf(one)}`));
    expect(await landedFor(two)).toMatchObject({ kind: "landed" });
    expect(sandbox.log()).toEqual(["one", "two"]);
  });

  it.each([
    ["a blob", () => sandbox.store("blob", Buffer.from("x"))],
    [
      "a tag",
      () =>
        sandbox.store("tag", Buffer.from(`object ${sandbox.base}\ntype commit\ntag x\ntagger x <x> 0 +0000\n\nx\n`)),
    ],
    ["the trunk", () => sandbox.base],
  ])("does not keep anything from landing when the ref points at %s", async (_, made) => {
    sandbox.point(RECORDS, made());
    const one = unit(1, [change("one")]);
    expect(await landedFor(one)).toMatchObject({ kind: "landed" });
    expect([...sandbox.records().keys()]).toEqual(["q/batch/1"]);
  });

  it("is not taken for a record of a real landing, which is still found", async () => {
    const units = (["REBASE", "SQUASH_REBASE", "MERGE", "PROMOTE"] as const).map((strategy, n) =>
      unit(n + 1, [sandbox.branch(`s${n}`, [{ files: { [`s${n}`]: "x\n" }, message: `s${n}` }])], strategy),
    );
    for (const one of units) {
      if (one.steps[0]?.strategy === "PROMOTE") continue;
      const first = await landedFor(one);
      sandbox.intrude();
      const again = await (await elsewhere(one.batchId.replaceAll("/", "-"))).land(
        landing("new", [{ unit: one, tested: { commit: sandbox.trunk, tree: sandbox.trunk, trunk: sandbox.trunk } }]),
      );
      expect(again).toEqual([first]);
    }
  });
});

describe("refs of builds", () => {
  withRunway();

  const refs = () => sandbox.refs("refs/submitqueue/").map((line) => line.split(" ")[0]?.split("/")[2]);
  const swept = (repository: Repository, now: number) => tidy(repository, [], epochMs(now));

  it("are deleted once no build can need them any more, and not while one may run", async () => {
    const { timeoutSeconds } = runway.config.buildRunner;
    await runway.tested(unit(1, [change("one")]));
    expect(refs()).toEqual(["composed", "paths"]);
    await swept(runway.repository, NOW + timeoutSeconds * 1000);
    expect(refs()).toEqual(["composed", "paths"]);
    const other = await elsewhere("other");
    await swept(other.repository, NOW + timeoutSeconds * 1000 + 3 * 3_600_000);
    expect(refs()).toEqual([]);
  });

  it("are looked for once an hour, and the local repository is then rid of garbage", async () => {
    const collected = vi.spyOn(runway.repository, "collectGarbage");
    for (const minutes of [0, 59, 60, 61]) await swept(runway.repository, NOW + minutes * 60_000);
    expect(collected).toHaveBeenCalledTimes(2);
  });

  it("and garbage are two things: each failure is told as what it is", async () => {
    const broken = vi.spyOn(runway.repository, "collectGarbage").mockRejectedValue(new Error("the disk is full"));
    expect(await swept(runway.repository, NOW)).toEqual(["garbage was not collected: Error: the disk is full"]);
    const { repository } = await elsewhere("unreachable");
    vi.spyOn(repository, "fetch").mockRejectedValue(new Error("the host is away"));
    const collected = vi.spyOn(repository, "collectGarbage");
    expect(await swept(repository, NOW)).toEqual(["refs were left over: Error: the host is away"]);
    expect([broken.mock.calls.length, collected.mock.calls.length]).toEqual([1, 1]);
  });

  it("are not needed for landing what was built", async () => {
    const one = unit(1, [change("one")]);
    const tested = await runway.tested(one);
    await swept(runway.repository, NOW + DAY_MS);
    const other = await elsewhere("other");
    expect(await other.land(landing("l", [{ unit: one, tested }]))).toMatchObject([{ kind: "landed" }]);
    expect(sandbox.trunk).toBe(tested.commit);
  });
});
