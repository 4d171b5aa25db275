import { expect, it } from "vitest";
import { pullsIn } from "../../../functions/domain/github/pulls-in.ts";

const HEAD = "a".repeat(40);

it("the pull requests of change URIs come in their order; other changes and what is no change URI are left out", () => {
  const changes = [
    `github://github.com/acme/shop/pull/7/${HEAD}?x=1`,
    `git://github.com/acme/shop/refs%2Fheads%2Fx/${HEAD}`,
    "phab://phab.acme.com/D1/2",
    `github://github.com/acme/deep/shop/pull/8/${HEAD}`,
    "https://github.com/acme/shop/pull/9",
    `github://ghe.acme.com/Acme/Docs/pull/3/${HEAD}`,
  ];
  expect(pullsIn(changes)).toEqual([
    { repository: "acme/shop", pull: 7, head: HEAD },
    { repository: "Acme/Docs", pull: 3, head: HEAD },
  ]);
});
