import { expect, it } from "vitest";
import type { GitSha } from "../../../functions/contracts/ids.ts";
import { type HeadBranch, mayDelete } from "../../../functions/domain/github/head-branch.ts";

const landed = "a".repeat(40) as GitSha;
const pull = { headBranch: "cart", headRepository: "acme/shop", isOpen: false };
const cart: HeadBranch = {
  pull,
  landed,
  repository: "acme/shop",
  targets: ["main", "release"],
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
  ["that was pushed to since", { branch: { sha: "b".repeat(40) as GitSha, isProtected: false } }],
  ["that is gone", { branch: undefined }],
  ["that another open pull request needs", { users: 1 }],
])("a branch %s stays", (_what, change) => {
  expect(mayDelete({ ...cart, ...change })).toBe(false);
});
