import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { ENV } from "../../functions/contracts/environment.ts";
import { identityStatements } from "../../lib/checks/statements.ts";
import { functionsOf, queuesWith, read, target, templatesOf } from "./synthesized.ts";

const queues = queuesWith({
  repository: { remote: "https://git.example.com/repository.git", tokenSecret: "submitqueue/token" },
});
const templates = read(templatesOf({ queues }));
const functions = functionsOf(templates);
const runway = functions.filter(({ stack }) => stack === "runway");
const others = functions.filter(({ stack }) => stack !== "runway");
/** They still run the command runner, where one is configured: under the embedded runtime alone. */
const RUNNERS = ["orchestrator/build/trigger", "orchestrator/build/poll"];
const asked = others.filter(({ name }) => !RUNNERS.includes(name));

/** The files of this repository, and the packages, that the entries are bundled from. */
async function bundledFrom(entries: readonly string[]): Promise<readonly string[]> {
  const { metafile } = await build({
    entryPoints: [...entries],
    bundle: true,
    metafile: true,
    write: false,
    outdir: "out",
    platform: "node",
    format: "esm",
    logLevel: "silent",
  });
  return Object.keys(metafile.inputs);
}

const isGit = (file: string): boolean => file.startsWith("functions/adapters/git/") || file.includes("/execa/");

describe("only runway touches git: a function of another stack", () => {
  it("is bundled with nothing that runs git", async () => {
    expect((await bundledFrom(asked.map(({ entry }) => entry))).filter(isGit)).toEqual([]);
    // The same look at runway finds it.
    expect((await bundledFrom(runway.map(({ entry }) => entry))).filter(isGit).length).toBeGreaterThan(10);
  });

  it.each(asked.map((fn) => [fn.name, fn] as const))("%s has no room for clones, and knows of none", (_, fn) => {
    expect(fn.properties).not.toHaveProperty("EphemeralStorage");
    expect(fn.environment).not.toHaveProperty(ENV.workDirectory);
    for (const one of runway) {
      expect(one.properties).toHaveProperty("EphemeralStorage");
      expect(one.environment).toHaveProperty(ENV.workDirectory);
    }
  });

  it("may not read the repository's token", () => {
    const rolesOf = (some: typeof functions) =>
      some.map(({ stack, properties }) => target(templates, stack, properties["Role"]).logicalId);
    const readers = new Set(
      identityStatements(templates)
        .filter(({ actions }) => actions.some((action) => action.startsWith("secretsmanager:")))
        .flatMap(({ holders }) => holders.map(({ name }) => name)),
    );
    expect([...readers].sort()).toEqual(rolesOf(runway).sort());
    expect(rolesOf(others).filter((role) => readers.has(role))).toEqual([]);
  });
});
