import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { appendedLines } from "../../../localstack/demo/display.ts";
import { planRequests } from "../../../localstack/demo/plan.ts";
import type { TrunkReport } from "../../../localstack/demo/proof.ts";
import { documentOf, lesson, type RequestReport, surprises } from "../../../localstack/demo/report.ts";
import { renderTable } from "../../../localstack/demo/table.ts";

const [plan] = planRequests({ count: 1, folders: ["billing"], seed: 1, stacked: false });
if (!plan) throw new Error("nothing was planned");

const aReport = (overrides: Partial<RequestReport> = {}): RequestReport => ({
  sqid: "demo/1",
  changes: [],
  titles: ["billing: coupons"],
  plan,
  status: "landed",
  ended: true,
  elapsedMs: 4_321,
  trail: ["accepted", "started", "validating", "landed"],
  howLanded: { bypassed: [], landedTogether: 1 },
  row: { sqid: "demo/1", status: "landed", title: "", receivedAt: 0, endedAt: 4_321, builds: [] },
  ...overrides,
});

const aTrunk = (...passed: (boolean | null)[]): TrunkReport => ({
  repository: "/sandbox.git",
  branch: "main",
  commits: passed.map((passes, i) => ({
    sha: `${i}`.repeat(40),
    subject: `Commit ${i}`,
    point: passes !== null,
    passed: passes,
  })),
});

const refused = aReport({
  sqid: "demo/2",
  plan: { changes: [], expected: "build.failed" },
  status: "error",
  reason: {
    code: "build.failed",
    message: "Build 4f: the command exited with code 1.\nFAIL it does not load\n2 checks",
  },
  trail: ["accepted", "error"],
  howLanded: { bypassed: [], landedTogether: 0 },
});

const idle = aReport({ reason: { code: "landed.nothing_new", message: "Nothing was added to main." } });

describe("the display of the demo", () => {
  it("tells at a glance which request added nothing", () => {
    const table = renderTable([idle], 130);
    expect(table).toMatch(/nothing new/);
    expect(table).toContain("landed.nothing_new: Nothing was added to main.");
    expect(renderTable([aReport()], 130)).not.toMatch(/nothing new/);
  });

  it.each([60, 80, 120, 400])("fits into a terminal of %d columns", (columns) => {
    const long = refused.reason && { ...refused.reason, message: "word ".repeat(200) };
    const table = renderTable([aReport(), { ...refused, ...(long ? { reason: long } : {}) }], columns);
    for (const line of table.split("\n")) expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(columns);
    expect(table).toBe(stripVTControlCharacters(table));
  });

  it("gives each request a row, with the reason of one that was refused", () => {
    const table = renderTable([aReport(), refused], 130);
    expect(table).toContain("demo/1");
    expect(table).toContain("4.3 s");
    expect(table).toContain("build.failed: Build 4f: the command exited with code 1.");
    expect(table).toContain("FAIL it does not load");
  });

  it("tells at a glance who landed past whom, and who in one push", () => {
    const reports = [
      aReport({ howLanded: { bypassed: ["demo/1"], landedTogether: 1 } }),
      aReport({ howLanded: { bypassed: [], landedTogether: 3 } }),
      aReport({ ended: false, status: "landing", howLanded: { bypassed: [], landedTogether: 0 } }),
    ];
    const outcomes = renderTable(reports, 120)
      .split("\n")
      .map((line) => line.split("│")[4]?.trim());
    expect(outcomes.filter((cell) => cell !== undefined)).toEqual([
      "OUTCOME",
      "landed",
      "past demo/1",
      "landed",
      "push of 3",
      "",
    ]);
    expect(renderTable(reports, 80)).not.toContain("OUTCOME");
  });

  it("appends each stage once when it is redirected, and the table at the end", () => {
    let text = "";
    const display = appendedLines(
      (piece) => {
        text += piece;
      },
      () => 1_500,
    );
    const stages = [["accepted"], ["accepted"], ["accepted", "started", "building"], ["accepted", "started", "built"]];
    for (const trail of stages) display.show([aReport({ trail })]);
    const lines = text.split("\n").map((line) => line.trim().split(/ {2,}/));
    expect(lines).toEqual([
      ["1.5 s", "demo/1", "billing: coupons", "accepted"],
      ["1.5 s", "demo/1", "billing: coupons", "started → building"],
      ["1.5 s", "demo/1", "billing: coupons", "built"],
      [""],
    ]);
    display.close([aReport({ trail: stages[3] ?? [] })]);
    expect(text).toContain("REQUEST");
  });
});

describe("the judgement on a run", () => {
  it.each<[string, RequestReport[], TrunkReport, string | undefined]>([
    ["that went as planned", [aReport(), refused], aTrunk(true, null), undefined],
    ["in which a request hangs", [aReport({ status: "landing", ended: false })], aTrunk(), "is landing"],
    [
      "in which the conflict landed",
      [{ ...refused, status: "landed" }],
      aTrunk(true),
      "ended build.failed, and is landed",
    ],
    [
      "in which the conflict failed for another reason",
      [{ ...refused, reason: { code: "merge.conflict", message: "x" } }],
      aTrunk(),
      "and is merge.conflict",
    ],
    ["in which a request added nothing", [aReport(), idle], aTrunk(true), undefined],
    ["whose trunk is broken", [aReport()], aTrunk(false), "The check fails at 0000000000"],
    ["whose trunk lacks a commit point", [aReport()], aTrunk(null), "1 requests landed, and the trunk has 0"],
  ])("finds the run %s to be so", (_, requests, trunk, surprise) => {
    const found = surprises(requests, trunk);
    if (surprise === undefined) expect(found).toEqual([]);
    else expect(found).toContainEqual(expect.stringContaining(surprise));
  });

  it("names what was refused, and why", () => {
    expect(lesson([aReport(), refused], aTrunk(true))).toMatch(/1 of 2 requests landed.*demo\/2/s);
  });

  it("tells who landed past whom and how many in one push, if any did", () => {
    const saying = (...all: RequestReport["howLanded"][]) =>
      lesson(
        all.map((howLanded, i) => aReport({ sqid: `demo/${i + 1}`, howLanded })),
        aTrunk(true),
      )
        .split("\n")
        .slice(1);
    const alone = { bypassed: [], landedTogether: 1 };
    const of = (landedTogether: number) => ({ bypassed: [], landedTogether });
    const past = { bypassed: ["demo/1"], landedTogether: 1 };
    expect(saying(alone, alone)).toEqual([]);
    expect(saying(alone, past)).toEqual(["1 landed past a slower one (demo/2 past demo/1)."]);
    expect(saying(of(2), past, of(2))).toEqual([
      "1 landed past a slower one (demo/2 past demo/1); 2 landed in one push (demo/1, demo/3).",
    ]);
    expect(saying(of(2), of(2), of(3), of(3), of(3))).toEqual(["5 shared a push with others, up to 3 in one."]);
  });

  it("is a document of requests and the trunk for programs", () => {
    const landed = aReport({ howLanded: { bypassed: ["demo/2"], landedTogether: 1 } });
    const { requests, totals, trunk } = documentOf([landed, refused], aTrunk(true));
    expect(Object.keys(requests[0] ?? {})).toEqual([
      "sqid",
      "changes",
      "status",
      "reason",
      "elapsedMs",
      "trail",
      "bypassed",
      "landedTogether",
    ]);
    expect(requests.map(({ bypassed, landedTogether }) => ({ bypassed, landedTogether }))).toEqual([
      { bypassed: ["demo/2"], landedTogether: 1 },
      { bypassed: [], landedTogether: 0 },
    ]);
    expect(totals).toEqual({ requests: 2, landed: 1, bypassing: 1, inSharedPushes: 0, largestPush: 1 });
    expect(requests.map(({ reason }) => reason?.code ?? null)).toEqual([null, "build.failed"]);
    expect(trunk.commits).toHaveLength(1);
  });
});
