import { expect, it } from "vitest";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import { aQueue, finish, World } from "./world.ts";

const [A, B, C, D] = [1, 2, 3, 4] as const;
const NAMES = ["", "A", "B", "C", "D"];
const name = (n: number): string => NAMES[n] ?? "?";

/** The builds that run, each by what its tree holds beyond the trunk that the queue started with. */
const running = (world: World): string[] =>
  world
    .running()
    .map(({ tree }) => [...tree].map(name).sort().join(""))
    .sort();
const onTrunk = (world: World): string => world.landings.flatMap(({ group }) => group.map(name)).join("");

function step(world: World, head: number, tree: readonly number[]): void {
  finish(world, [head], tree);
  world.run();
  world.land();
  world.run();
}

it("the example of doc/rfc/evidence.md and doc/rfc/speculation.md goes as the pages say", () => {
  const speculation = SpeculationConfig.parse({
    order: "arrival",
    bypass: false,
    scorer: { type: "flat", success: 0.9 },
  });
  // A fails in every tree.
  const world = new World(aQueue({ budget: 4, speculation }), { bad: new Set([A]), clashes: [] });
  world.ready(A, ["api.ts"]);
  world.ready(B, ["api.ts", "db.ts"]);
  world.ready(C, ["db.ts"]);
  world.ready(D, ["docs.md"]);
  world.run();
  expect(running(world)).toEqual(["A", "AB", "ABC", "D"]);

  step(world, D, [D]);
  expect(onTrunk(world)).toBe("D");
  expect(running(world)).toEqual(["A", "AB", "ABC", "C"]);

  // The build of A + B is being stopped, and keeps its slot until it has. The build of A + B + C goes on: it assumes nothing about A.
  step(world, A, [A]);
  expect(world.stateOf(A)).toBe("error");
  expect(running(world)).toEqual(["AB", "ABC", "BD", "C"]);

  // It fails. A may be the cause, and A is not on the trunk: nothing is known of C.
  step(world, C, [A, B, C]);
  expect(world.stateOf(C)).toBe("ready");
  expect(running(world)).toEqual(["AB", "BCD", "BD", "C"]);

  step(world, B, [B, D]);
  expect(onTrunk(world)).toBe("DB");

  step(world, C, [B, C, D]);
  expect(onTrunk(world)).toBe("DBC");
});
