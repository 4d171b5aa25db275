import { describe, expect, it } from "vitest";
import type { GitSha } from "../../../functions/contracts/ids.ts";
import {
  fixedBecause,
  type HeadBranch,
  type LandingBranch,
  mayDelete,
} from "../../../functions/domain/github/head-branch.ts";

const landed = "a".repeat(40) as GitSha;
const moved = "c".repeat(40) as GitSha;
const pull = { head: landed, headBranch: "cart", headRepository: "acme/shop", isOpen: false, isMerged: false };
const cart: HeadBranch = {
  pull,
  landed,
  repository: "acme/shop",
  kept: ["main", "release"],
  branch: { sha: landed, isProtected: false },
  users: 0,
};

it("the branch of a pull request that has landed may be deleted", () => {
  expect(mayDelete(cart)).toBe(true);
  expect(mayDelete({ ...cart, repository: "Acme/Shop" })).toBe(true);
});

it.each<[string, Partial<HeadBranch>]>([
  ["of a pull request that is still open", { pull: { ...pull, isOpen: true } }],
  ["of a fork", { pull: { ...pull, headRepository: "rob/shop" } }],
  ["of a fork that is gone", { pull: { ...pull, headRepository: undefined } }],
  ["that a queue lands on", { pull: { ...pull, headBranch: "release" } }],
  ["that is protected", { branch: { sha: landed, isProtected: true } }],
  [
    "that was merged by GitHub, and pushed to since",
    { pull: { ...pull, head: moved, isMerged: true }, branch: { sha: "b".repeat(40) as GitSha, isProtected: false } },
  ],
  ["that was moved, and is not merged", { pull: { ...pull, head: moved }, branch: { sha: moved, isProtected: false } }],
  ["that was pushed to since", { branch: { sha: "b".repeat(40) as GitSha, isProtected: false } }],
  ["that is gone", { branch: undefined }],
  ["that another open pull request needs", { users: 1 }],
])("a branch %s stays", (_what, change) => {
  expect(mayDelete({ ...cart, ...change })).toBe(false);
});

it("the branch that a landing has moved may be deleted once GitHub has marked the pull request as merged", () => {
  const branch = { sha: moved, isProtected: false };
  expect(mayDelete({ ...cart, pull: { ...pull, head: moved, isMerged: true }, branch })).toBe(true);
});

describe("before a landing, a branch", () => {
  const landing: LandingBranch = {
    pull: { head: landed, headBranch: "cart", headRepository: "acme/shop", isOpen: true, author: "ann" },
    landed,
    repository: "acme/shop",
    kept: ["main", "release"],
    branch: { sha: landed, isProtected: false },
    permission: "write",
    others: [],
  };

  it("of the repository, unprotected, of an author who may write, may be moved", () => {
    expect(fixedBecause(landing)).toBeUndefined();
    expect(fixedBecause({ ...landing, repository: "Acme/Shop", permission: "admin" })).toBeUndefined();
  });

  it.each<[string, Partial<LandingBranch>, RegExp]>([
    ["of a fork", { pull: { ...landing.pull, headRepository: "rob/shop" } }, /in a fork/],
    ["of a fork that is gone", { pull: { ...landing.pull, headRepository: undefined } }, /in a fork/],
    [
      "that a queue lands on",
      { pull: { ...landing.pull, headBranch: "release" } },
      /release is a branch that lives on/,
    ],
    ["of a pull request that is closed", { pull: { ...landing.pull, isOpen: false } }, /not open/],
    ["that is gone", { branch: undefined }, /is gone/],
    ["that is protected", { branch: { sha: landed, isProtected: true } }, /is protected/],
    ["that was pushed to", { branch: { sha: moved, isProtected: false } }, /was pushed to/],
    ["whose push GitHub does not show yet", { pull: { ...landing.pull, head: moved } }, /was pushed to/],
    ["of an author who may not write", { permission: "read" }, /ann, may not write/],
    ["that another pull request has, too", { others: [7] }, /#7 has the same branch/],
  ])("%s stays", (_what, change, why) => {
    expect(fixedBecause({ ...landing, ...change })).toMatch(why);
  });
});
