import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cruise, type ICruiseOptions, type ICruiseResult } from "dependency-cruiser";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import law from "../../.dependency-cruiser.mjs";

const { tsConfig: _, ...options } = law.options as ICruiseOptions & { tsConfig: unknown };
const ROOMS = ["bin", "lib", "functions", "client", "dashboard", "localstack", "simulator"];

/** A copy of the rooms, in which a trespass can be planted while other tests read the sources. */
let copy: string;
beforeAll(() => {
  copy = realpathSync(mkdtempSync(join(tmpdir(), "rooms-")));
  for (const room of [...ROOMS, "test", "package.json"])
    cpSync(room, join(copy, room), { recursive: true, filter: (from) => !from.startsWith("client/dist") });
  symlinkSync(join(process.cwd(), "node_modules"), join(copy, "node_modules"));
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

function plant(file: string, text: string): void {
  const path = join(copy, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  onTestFinished(() => rmSync(path));
}

/** What breaks the law, as `rule: file → what it imports`. */
async function verdict(...places: string[]): Promise<{ trespasses: string[]; cruised: number }> {
  const { output } = await cruise(places, {
    ...options,
    baseDir: copy,
    preserveSymlinks: true,
    validate: true,
    ruleSet: { forbidden: law.forbidden } as never,
  });
  const { summary } = output as ICruiseResult;
  const trespasses = summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
  return { trespasses, cruised: summary.totalCruised };
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
    const { trespasses, cruised } = await verdict(...ROOMS);
    expect(trespasses).toEqual([]);
    expect(cruised).toBeGreaterThan(250);
  });

  it("looks at the rooms that npm run imports looks at", () => {
    const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
    const rooms = scripts["imports"]?.split("dependency-cruiser.mjs ")[1]?.split(" ");
    expect(rooms).toEqual(ROOMS);
  });

  it("has a planted trespass for each of its rules", () => {
    const tried = new Set(TRESPASSES.map(([rule]) => rule));
    expect([...tried].sort()).toEqual((law.forbidden as { name: string }[]).map(({ name }) => name).sort());
  });

  it.each(TRESPASSES)("refuses a trespass: %s by %s importing %j", async (rule, file, text) => {
    plant(file, text);
    const { trespasses } = await verdict(file);
    expect(trespasses.map((trespass) => trespass.split(":")[0])).toContain(rule);
  });
});
