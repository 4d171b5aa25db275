import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { answerSecret } from "../../localstack/embedded/secrets.ts";
import { aStateDirectory } from "./fixture/runtime.ts";

const PROGRAM = `
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
const { hideSecrets } = await import(${JSON.stringify(import.meta.resolve("../../localstack/embedded/hidden-secrets.ts"))});
const pid = process.pid;
hideSecrets();
const shown = readFileSync("/proc/self/environ", "utf8").split("\\0");
console.log(JSON.stringify({ pid, env: process.env, shown, args: process.argv.slice(2), left: readdirSync(tmpdir()) }));
`;

/** Runs a program that hides its secrets and then says what it has, and what other processes can see. */
async function run(env: Readonly<Record<string, string>>) {
  const directory = aStateDirectory();
  const file = join(directory, "program.mjs");
  writeFileSync(file, PROGRAM);
  const child = execa(process.execPath, [file, "one", "two words"], { env: { ...env, TMPDIR: aStateDirectory() } });
  const { stdout } = await child;
  return { startedAs: child.pid, ...JSON.parse(stdout) };
}

describe.runIf(process.platform === "linux")("a process that was started with secrets", () => {
  it("goes on under its id with the same arguments and secrets, which no other process can read", async () => {
    const secrets = { SUBMITQUEUE_SECRET_A: "first-s3cret\nand more", SUBMITQUEUE_SECRET_B: "ü\u{1f680}" };
    const { startedAs, pid, env, shown, args, left } = await run({ ...secrets, OTHER: "stays" });
    expect(env).toMatchObject({ ...secrets, OTHER: "stays" });
    expect(shown.filter((entry: string) => entry.startsWith("SUBMITQUEUE_SECRET"))).toHaveLength(1);
    expect(shown.join("\n")).not.toMatch(/first-s3cret|\u{1f680}/u);
    expect([pid, args, left]).toEqual([startedAs, ["one", "two words"], []]);
  });

  it("shows the path of a file that holds a secret, and nothing of what the file holds", async () => {
    const { shown } = await run({ SUBMITQUEUE_SECRET_A_FILE: "/run/secrets/a" });
    expect(shown).toContain("SUBMITQUEUE_SECRET_A_FILE=/run/secrets/a");
  });
});

describe("a secret", () => {
  const read = (env: NodeJS.ProcessEnv) => answerSecret("GetSecretValue", { SecretId: "github/token" }, env);

  it("comes from a variable, or else from the file that a variable names", () => {
    const file = join(aStateDirectory(), "token");
    writeFileSync(file, "of a file\n");
    const named = { SUBMITQUEUE_SECRET_GITHUB_TOKEN_FILE: file };
    expect(read(named)).toMatchObject({ SecretString: "of a file" });
    expect(read({ ...named, SUBMITQUEUE_SECRET_GITHUB_TOKEN: "of a variable" })).toMatchObject({
      SecretString: "of a variable",
    });
  });

  it.each([{}, { SUBMITQUEUE_SECRET_GITHUB_TOKEN_FILE: "/nowhere/token" }])("that is not there is asked for", (env) => {
    expect(() => read(env)).toThrow(/set SUBMITQUEUE_SECRET_GITHUB_TOKEN_FILE/);
  });
});
