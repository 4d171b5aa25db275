import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { cruise, type ICruiseOptions, type ICruiseResult } from "dependency-cruiser";
import { afterEach, describe, expect, it } from "vitest";
import law from "../../.dependency-cruiser.mjs";

const { tsConfig: _, ...options } = law.options as ICruiseOptions & { tsConfig: unknown };
const planted: string[] = [];

afterEach(() => {
  for (const file of planted.splice(0)) rmSync(file);
});

function plant(file: string, text: string): void {
  mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
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

describe("the import law", () => {
  it("holds for every room, and looks at all of them", async () => {
    const { rules, cruised } = await verdict("bin", "lib", "functions", "localstack");
    expect(rules).toEqual([]);
    expect(cruised).toBeGreaterThan(150);
  });

  it.each([
    ["domain-is-pure", "functions/domain/trespass.ts", 'export { onLambda } from "../adapters/clients.ts";\n'],
    ["domain-is-pure", "functions/domain/trespass.ts", 'export { readFileSync } from "node:fs";\n'],
    [
      "contracts-see-nothing",
      "functions/contracts/trespass.ts",
      'export { plan } from "../domain/planner/index.ts";\n',
    ],
    ["adapters-look-down", "functions/adapters/trespass.ts", 'export { taskHandler } from "../handlers/task.ts";\n'],
    ["handlers-look-down", "functions/handlers/trespass.ts", 'export { buildApp } from "../../lib/app.ts";\n'],
    [
      "owners-are-strangers",
      "functions/handlers/gateway/trespass.ts",
      'export { wire } from "../orchestrator/intake.ts";\n',
    ],
    [
      "stacks-name-handlers-by-path",
      "lib/trespass.ts",
      'export { wire } from "../functions/handlers/gateway/api.ts";\n',
    ],
    [
      "nothing-imports-tests",
      "functions/adapters/trespass.ts",
      'export { startDynalite } from "../../test/support/dynalite.ts";\n',
    ],
  ])("refuses a trespass: %s by %s importing %j", async (rule, file, text) => {
    plant(file, text);
    expect((await verdict(file)).rules).toContain(rule);
  });
});
