import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { functionsOf, read, templatesOf } from "./synthesized.ts";

const functions = functionsOf(read(templatesOf()));

/** The files of this repository, and Node's own modules, that the bundle of a function holds or asks for. */
async function contentsOf(entry: string): Promise<readonly string[]> {
  const { metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    metafile: true,
    write: false,
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "silent",
  });
  const imported = Object.values(metafile.inputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  return [...new Set([...Object.keys(metafile.inputs), ...imported])];
}

describe("the code that is deployed to AWS", () => {
  const contents = new Map<string, readonly string[]>();
  beforeAll(async () => {
    for (const { name, entry } of functions) contents.set(name, await contentsOf(entry));
  });
  const of = (name: string) => contents.get(name) ?? [];

  it("holds nothing that is for a laptop alone", () => {
    for (const { name } of functions) {
      expect(of(name).length, name).toBeGreaterThan(1);
      expect(
        of(name).filter((file) => /^(localstack|test|simulator)\//.test(file)),
        name,
      ).toEqual([]);
    }
  });

  it.each([
    "orchestrator/build-workflow/trigger",
    "orchestrator/build-workflow/poll",
    "orchestrator/build-workflow/report",
  ])("asks for no git, no process and no work directory in %s", (name) => {
    const asked = of(name).filter((file) => /adapters\/git\/|child_process/.test(file));
    expect(asked).toEqual([]);
    const { environment } = functions.find((fn) => fn.name === name) ?? { environment: {} };
    expect(environment).not.toHaveProperty("WORK_DIRECTORY");
  });

  it("is seen to hold git where git is", async () => {
    expect(of("runway/compose").filter((file) => file.includes("adapters/git/"))).not.toEqual([]);
    const supervisor = await contentsOf("localstack/command-runner/index.ts");
    expect(supervisor).toEqual(expect.arrayContaining(["node:child_process", "localstack/command-runner/sandbox.ts"]));
  });
});
