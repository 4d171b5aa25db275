import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { cruise, type ICruiseOptions, type ICruiseResult } from "dependency-cruiser";
import { afterEach, describe, expect, it } from "vitest";
import law from "../../.dependency-cruiser.mjs";

const { tsConfig: _, ...options } = law.options as ICruiseOptions & { tsConfig: unknown };
const planted: string[] = [];

afterEach(() => {
  for (const file of planted.splice(0)) {
    rmSync(file);
    const room = dirname(file);
    if (existsSync(room) && readdirSync(room).length === 0) rmdirSync(room);
  }
});

function plant(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  planted.push(file);
}

async function verdict(...places: string[]): Promise<{ rules: string[]; cruised: number }> {
  const { output } = await cruise(places, {
    ...options,
    validate: true,
    ruleSet: { forbidden: law.forbidden } as never,
  });
  const { summary } = output as ICruiseResult;
  return { rules: summary.violations.map((violation) => violation.rule.name), cruised: summary.totalCruised };
}

/** A rule, a file that breaks it, and what the file holds. */
const TRESPASSES: readonly (readonly [rule: string, file: string, text: string])[] = [
  ["domain-is-pure", "functions/domain/trespass.ts", 'export { send } from "../adapters/sqs.ts";\n'],
  ["domain-is-pure", "functions/domain/trespass.ts", 'export { readFileSync } from "node:fs";\n'],
  ["contracts-see-nothing", "functions/contracts/trespass.ts", 'export { plan } from "../domain/planner/index.ts";\n'],
  ["adapters-look-down", "functions/adapters/trespass.ts", 'export { taskHandler } from "../handlers/task.ts";\n'],
  ["adapters-look-down", "functions/adapters/trespass.ts", 'export { land } from "../runway/land.ts";\n'],
  ["runway-looks-down", "functions/runway/trespass.ts", 'export { taskHandler } from "../handlers/task.ts";\n'],
  ["handlers-look-down", "functions/handlers/trespass.ts", 'export { buildApp } from "../../lib/app.ts";\n'],
  [
    "owners-are-strangers",
    "functions/handlers/gateway/trespass.ts",
    'export { wire } from "../orchestrator/intake.lambda.ts";\n',
  ],
  [
    "stacks-name-handlers-by-path",
    "lib/trespass.ts",
    'export { wire } from "../functions/handlers/gateway/api.lambda.ts";\n',
  ],
  [
    "nothing-imports-tests",
    "functions/adapters/trespass.ts",
    'export { startDynalite } from "../../test/support/dynalite.ts";\n',
  ],
  [
    "only-runway-touches-git",
    "functions/handlers/orchestrator/trespass.ts",
    'export { check } from "../../runway/compose.ts";\n',
  ],
  [
    "only-runway-touches-git",
    "functions/handlers/orchestrator/admit-workflow/trespass.ts",
    'export { changeProviderFor } from "../../../adapters/change-provider/index.ts";\n',
  ],
  [
    "only-runway-touches-git",
    "functions/handlers/gateway/trespass.ts",
    'export type { Repository } from "../../adapters/git/repository.ts";\n',
  ],
  [
    "only-github-is-a-client",
    "functions/handlers/gateway/trespass.ts",
    'export { Client } from "../../../client/client.ts";\n',
  ],
  [
    "github-has-the-api-alone",
    "functions/handlers/github/trespass.ts",
    'export { logStore } from "../../adapters/dynamodb/log-store.ts";\n',
  ],
  ["owners-are-strangers", "functions/handlers/github/trespass.ts", 'export { record } from "../gateway/record.ts";\n'],
  ["no-cycles", "functions/domain/trespass.ts", 'export * from "./trespass.ts";\n'],
  ["client-sees-contracts", "client/trespass.ts", 'export { plan } from "../functions/domain/planner/index.ts";\n'],
  [
    "dashboard-sees-contracts-and-client",
    "dashboard/trespass.ts",
    'export { explain } from "../functions/domain/explain.ts";\n',
  ],
  [
    "what-if-runs-the-simulator",
    "dashboard/what-if/trespass.ts",
    'export { measure } from "../../simulator/measures.ts";\n',
  ],
  ["dashboard-sees-contracts-and-client", "dashboard/trespass.tsx", 'export { readFileSync } from "node:fs";\n'],
  ["simulator-drives-the-domain", "simulator/trespass.ts", 'export { send } from "../functions/adapters/sqs.ts";\n'],
  ["declared-packages-only", "lib/trespass.ts", 'export { parse } from "acorn";\n'],
  ["declared-packages-only", "functions/domain/trespass.ts", 'export { parse } from "no-such-package";\n'],
];

describe("the import law", () => {
  it("holds for every room, and looks at all of them", async () => {
    const { rules, cruised } = await verdict(
      "bin",
      "lib",
      "functions",
      "client",
      "dashboard",
      "localstack",
      "simulator",
    );
    expect(rules).toEqual([]);
    expect(cruised).toBeGreaterThan(250);
  });

  it("looks at the rooms that npm run imports looks at", () => {
    const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
    const rooms = scripts["imports"]?.split("dependency-cruiser.mjs ")[1]?.split(" ");
    expect(rooms).toEqual(["bin", "lib", "functions", "client", "dashboard", "localstack", "simulator"]);
  });

  it("has a planted trespass for each of its rules", () => {
    const tried = new Set(TRESPASSES.map(([rule]) => rule));
    expect([...tried].sort()).toEqual((law.forbidden as { name: string }[]).map(({ name }) => name).sort());
  });

  it.each(TRESPASSES)("refuses a trespass: %s by %s importing %j", async (rule, file, text) => {
    plant(file, text);
    expect((await verdict(file)).rules).toContain(rule);
  });
});
