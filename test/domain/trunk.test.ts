import { describe, expect, it } from "vitest";
import type { GitSha } from "../../functions/contracts/ids.ts";
import { reasonOf } from "../../functions/contracts/reasons.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import {
  dueBuild,
  failureOn,
  isVouched,
  learnCommit,
  learnLanding,
  retargeted,
  type Trunk,
  trunkFailed,
  trunkPassed,
  trunkUnchanged,
  UNKNOWN_TRUNK,
} from "../../functions/domain/trunk.ts";

const commit = (name: string | number) => String(name).padStart(40, "0") as GitSha;
const at = epochMs;
const [T, X, Y] = ["a", "b", "c"].map(commit) as [GitSha, GitSha, GitSha];
const sound: Trunk = { ...UNKNOWN_TRUNK, vouched: [T], knownAt: at(10) };
const reason = reasonOf("build.failed", "unit failed");
const red = trunkFailed(learnCommit(sound, X, at(20)), { commit: X, author: "Ann", reason }, at(30));

describe("what a passed build vouches for", () => {
  it("a landing on a commit that is vouched for", () => {
    expect(isVouched(learnLanding(sound, { onto: T, tip: X, isTested: false }, at(20)), X)).toBe(true);
  });

  it("a landing that leaves the tested tree, on any commit", () => {
    const next = learnLanding(sound, { onto: X, tip: Y, isTested: true }, at(20));
    expect([isVouched(next, Y), isVouched(next, X)]).toEqual([true, false]);
  });

  it("no other landing on a commit that a user pushed, until the trunk was built at or below it", () => {
    const next = learnLanding(sound, { onto: X, tip: Y, isTested: false }, at(20));
    expect(next.unproven).toEqual([X, Y]);
    expect(trunkPassed(next, X, at(30))).toMatchObject({ unproven: [], vouched: [T, X, Y] });
    expect(isVouched(trunkPassed(next, Y, at(30)), X)).toBe(false);
  });

  it("nothing else is learned when a landing is told of twice", () => {
    const once = learnLanding(red, { onto: X, tip: Y, isTested: true }, at(40));
    expect(learnLanding(once, { onto: X, tip: Y, isTested: true }, at(50))).toBe(once);
  });
});

describe("a failed build", () => {
  it.each([
    ["on a commit that is vouched for", sound, T, 15, "evidence"],
    ["on the newest commit, which nothing vouches for", learnCommit(sound, X, at(20)), X, 20, "unproven"],
    ["on a commit that is neither", sound, Y, 15, "nothing"],
    ["while the trunk is red", red, T, 15, "nothing"],
    ["that started while it was", trunkPassed(red, X, at(40)), X, 35, "nothing"],
    ["that started after it was", trunkPassed(red, X, at(40)), X, 40, "evidence"],
  ] as const)("%s", (_, trunk, on, startedAt, says) => {
    expect(failureOn(trunk, on, at(startedAt))).toBe(says);
  });

  it("counts on a commit that was retargeted, as long as nothing was pushed past the queue since it started", () => {
    let trunk = sound;
    for (let n = 1; n <= 300; n++)
      trunk = learnLanding(trunk, { onto: n === 1 ? T : commit(n - 1), tip: commit(n), isTested: false }, at(10 + n));
    expect(trunk.vouched.length).toBeLessThanOrEqual(128);
    expect(isVouched(trunk, commit(1))).toBe(false);
    expect(failureOn(trunk, commit(1), at(12))).toBe("evidence");
    expect(failureOn(trunk, Y, at(310))).toBe("nothing");
    const passedBy = learnLanding(trunk, { onto: Y, tip: X, isTested: true }, at(400));
    expect(failureOn(passedBy, commit(1), at(12))).toBe("nothing");
  });

  it("of a build that started before the newest commit was known says nothing of which commit is the newest", () => {
    expect(learnCommit(sound, X, at(9))).toBe(sound);
  });
});

describe("a red trunk", () => {
  it("keeps the first commit and its author, and says what failed last", () => {
    const again = trunkFailed(learnCommit(red, Y, at(40)), { commit: Y, author: "Bob", reason }, at(50));
    expect(again.red).toMatchObject({ since: 30, commit: X, author: "Ann", built: Y, failures: 1 });
    expect(again.changes).toBe(1);
  });

  it("is built again after 5, 10, 20, 40 minutes, then every hour, and is looked at every minute in between", () => {
    let [trunk, time] = [red, 30];
    for (const minutes of [5, 10, 20, 40, 60, 60]) {
      expect(dueBuild(trunk, true, at(time + 59_999))).toBeUndefined();
      expect(dueBuild(trunk, true, at(time + 60_000))).toEqual({ unless: [T, X] });
      time += minutes * 60_000;
      expect(dueBuild(trunk, true, at(time))).toEqual({ unless: [T] });
      trunk = trunkFailed(trunk, { commit: X, reason }, at(time));
    }
  });

  it("has recovered when it was put back to a commit that is vouched for", () => {
    expect(trunkUnchanged(red, T, at(60))).toMatchObject({ unproven: [], recoveredAt: 60, changes: 2 });
    expect(trunkUnchanged(red, T, at(60)).red).toBeUndefined();
    expect(trunkUnchanged(red, X, at(60)).red).toMatchObject({ built: X, lookAt: 60_060 });
  });

  it("is forgotten with the branch that it was of", () => {
    expect(retargeted(red, at(60))).toMatchObject({ vouched: [], unproven: [], changes: 2, told: 0, recoveredAt: 60 });
    expect(retargeted(red, at(60)).red).toBeUndefined();
  });
});

it("a trunk that no failed build asks about is not built", () => {
  const moved = learnCommit(sound, X, at(20));
  expect([dueBuild(moved, false, at(30)), dueBuild(moved, true, at(30)), dueBuild(sound, true, at(30))]).toEqual([
    undefined,
    { unless: [T] },
    undefined,
  ]);
});
