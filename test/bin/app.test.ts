import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";

const directory = mkdtempSync(join(tmpdir(), "submitqueue-bin-"));

/** As `node bin/app.ts`. */
const COMMAND: string = JSON.parse(readFileSync("cdk.json", "utf8")).app;

/** Runs the app the way that `cdk synth` does. */
async function app(context: Readonly<Record<string, unknown>>) {
  const outdir = mkdtempSync(join(directory, "out-"));
  const { exitCode, stdout, stderr } = await execa(process.execPath, COMMAND.split(" ").slice(1), {
    reject: false,
    env: { CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) },
  });
  return { exitCode, stdout, stderr, outdir };
}

describe("the CDK app", () => {
  it("synthesizes the example configuration for AWS as it is, and has nothing to warn of", async () => {
    const { exitCode, stderr, outdir } = await app({ bundle: false });
    expect(exitCode).toBe(0);
    expect(stderr).not.toContain("queues[");
    expect(readdirSync(outdir).filter((name) => name.endsWith(".template.json"))).toHaveLength(4);
  });

  it("says everything that is wrong with a configuration, each with its place, and nothing else", async () => {
    const queues = join(directory, "queues.yaml");
    writeFileSync(
      queues,
      "queues:\n  - name: Main\n    repository: { remote: /srv/a.git }\n    buildRunner: { typ: fake }\n",
    );
    const { exitCode, stdout, stderr } = await app({ queues });
    expect(exitCode).toBe(1);
    expect(stdout).toBe("");
    const lines = stderr.split("\n");
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain(`${queues}:2:5 queues[0].name: `);
    expect(lines[1]).toContain(`${queues}:4:5 queues[0].buildRunner.type: `);
  });

  it("refuses a runner that AWS does not have", async () => {
    const queues = join(directory, "command.yaml");
    const text = readFileSync("queues.yaml", "utf8")
      .replace(/^ {6}type: codebuild$/m, "      type: command\n      command: make")
      .replace(/^ {6}(project|source|infrastructurePhases):.*\n/gm, "");
    writeFileSync(queues, text);
    const { exitCode, stderr } = await app({ queues });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^[^\n]+:\d+:\d+ queues\[0\]\.buildRunner\.type: command runs on a laptop only[^\n]+$/);
  });

  it("refuses a context that it does not understand", async () => {
    const { exitCode, stderr } = await app({ target: "azure" });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^context target: /);
  });
});
