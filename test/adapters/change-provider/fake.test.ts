import { expect, it } from "vitest";
import { changeProviderFor } from "../../../functions/adapters/change-provider/index.ts";
import { aChange, aQueue } from "../build-runner/tasks.ts";
import { changeProviderContract, touchesOf } from "./contract.ts";

const open = () => changeProviderFor(aQueue({ changeProvider: { type: "fake" } }), { workDirectory: "/nonexistent" });

changeProviderContract("fake", async () => ({
  provider: open(),
  change: async (files) => aChange(`sq-files=${files.join(",")}`),
  missing: async () => aChange("sq-fake=not-found"),
}));

it("a change that names no files touches none", async () => {
  expect(await touchesOf(open(), aChange())).toEqual({ paths: [], files: 0, additions: 0, deletions: 0, authors: [] });
});

it("decodes the paths that a change names", async () => {
  expect((await touchesOf(open(), aChange("sq-files=a%20b/c,d%2Fe"))).paths).toEqual(["a b/c", "d/e"]);
});

it("the fake provider can't be reached when a change asks for that", async () => {
  await expect(open().touches([aChange("sq-fake=provider-error")])).rejects.toMatchObject({
    code: "repository.unavailable",
  });
});
