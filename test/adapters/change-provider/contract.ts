import { describe, expect, it } from "vitest";
import type { ChangeProvider } from "../../../functions/adapters/change-provider/index.ts";
import type { ChangeUri } from "../../../functions/contracts/change-uri.ts";
import type { Touches } from "../../../functions/contracts/touches.ts";

export interface ProviderWorld {
  provider: ChangeProvider;
  /** A change that adds one line to each of the files; `onto` another change, or on the trunk. */
  change(files: readonly string[], onto?: ChangeUri): Promise<ChangeUri>;
  missing(): Promise<ChangeUri>;
}

/** What the provider says that changes touch. Fails the test when it refuses them. */
export async function touchesOf(provider: ChangeProvider, ...changes: ChangeUri[]): Promise<Touches> {
  const result = await provider.touches(changes);
  if (result.kind === "refused") expect.fail(`refused: ${result.reason.message}`);
  return result.touches;
}

/** Run against every ChangeProvider we ship; a new one is finished when this passes. */
export const changeProviderContract = (name: string, create: () => Promise<ProviderWorld>) =>
  describe(`a change provider: ${name}`, () => {
    it("names the paths that a change touches, sorted, and counts its lines", async () => {
      const { provider, change } = await create();
      const uri = await change(["src/b.txt", "README", "src/a.txt"]);
      expect(await touchesOf(provider, uri)).toMatchObject({
        paths: ["README", "src/a.txt", "src/b.txt"],
        files: 3,
        additions: 3,
        deletions: 0,
      });
    });

    it("takes a stack as a whole, and names each path once", async () => {
      const { provider, change } = await create();
      const below = await change(["a", "b"]);
      const above = await change(["b", "c"], below);
      expect(await touchesOf(provider, below, above)).toMatchObject({ paths: ["a", "b", "c"], files: 3, additions: 4 });
    });

    it("refuses a change that does not exist", async () => {
      const { provider, change, missing } = await create();
      const there = await change(["a"]);
      expect(await provider.touches([there, await missing()])).toMatchObject({
        kind: "refused",
        reason: { code: "change.not_found" },
      });
    });
  });
