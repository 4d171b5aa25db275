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

const isGit = (file: string): boolean =>
  file.startsWith("functions/adapters/git/") || file === "functions/adapters/processes.ts";

describe("only runway touches git: a function of another stack", () => {
  it("is bundled with nothing that runs git", async () => {
    expect((await bundledFrom(others.map(({ entry }) => entry))).filter(isGit)).toEqual([]);
    // The same look at runway finds it.
    expect((await bundledFrom(runway.map(({ entry }) => entry))).filter(isGit).length).toBeGreaterThan(10);
  });

  it.each(others.map((fn) => [fn.name, fn] as const))("%s has no room for clones, and knows of none", (_, fn) => {
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

it("the key that signs commits is read by the functions that make commits alone", () => {
  const given = read(templatesOf({ queues: queuesWith({ commitSigningSecret: "submitqueue/signing" }) }));
  const readers = identityStatements(given)
    .filter(({ actions }) => actions.some((action) => action.startsWith("secretsmanager:")))
    .flatMap(({ holders }) => holders.map(({ name }) => name));
  const names = functionsOf(given)
    .filter(({ stack, properties }) => readers.includes(target(given, stack, properties["Role"]).logicalId))
    .map(({ name }) => name);
  expect(names.sort()).toEqual(["runway/check", "runway/compose", "runway/land"]);
});

/** The functions outside runway that are given WORK_DIRECTORY, and those of all that may read a secret. */
function givenOn(where: "aws" | "localstack" | "embedded", type: "fake" | "command") {
  const buildRunner = type === "fake" ? { type } : { type, command: "true" };
  const repository = { remote: "https://git.example.com/repository.git", tokenSecret: "submitqueue/token" };
  const given = read(templatesOf({ target: where, queues: queuesWith({ repository, buildRunner }) }));
  const of = functionsOf(given).filter(({ stack }) => stack !== "runway");
  const readers = identityStatements(given)
    .filter(({ actions }) => actions.some((action) => action.startsWith("secretsmanager:")))
    .flatMap(({ holders }) => holders.map(({ name }) => name));
  const isReader = ({ stack, properties }: (typeof of)[number]) =>
    readers.includes(target(given, stack, properties["Role"]).logicalId);
  return {
    directory: of.filter(({ environment }) => ENV.workDirectory in environment).map(({ name }) => name),
    token: of.filter(isReader).map(({ name }) => name),
  };
}

describe("the runners that keep files on one machine", () => {
  const [trigger, poll, look] = ["trigger", "poll", "look"].map((step) => `orchestrator/build-workflow/${step}`) as [
    string,
    string,
    string,
  ];

  it.each([
    ["aws", "fake", { directory: [], token: [] }],
    ["localstack", "fake", { directory: [trigger, poll, look], token: [] }],
    ["embedded", "fake", { directory: [trigger, poll, look], token: [] }],
    ["embedded", "command", { directory: [trigger, poll, look], token: [trigger] }],
  ] as const)("are given what they need, on %s with the %s runner", (where, type, expected) => {
    const { directory, token } = givenOn(where, type);
    expect([...directory].sort()).toEqual([...expected.directory].sort());
    expect(token).toEqual(expected.token);
  });

  it("get no template with the command runner, but under the embedded runtime", () => {
    for (const where of ["aws", "localstack"] as const)
      expect(() => givenOn(where, "command")).toThrow(/command runs on a laptop only/);
  });
});
