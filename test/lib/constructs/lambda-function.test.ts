import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Duration, Stack } from "aws-cdk-lib";
import { describe, expect, it } from "vitest";
import { LambdaFunction } from "../../../lib/constructs/lambda-function.ts";
import type { Settings } from "../../../lib/settings.ts";
import { queuesWith } from "../synthesized.ts";

/** Synthesizes an app that holds one function, with its code, and returns the directory of the assembly. */
function synthesized(name: string, { budget = 4, git = false } = {}): string {
  const outdir = mkdtempSync(join(tmpdir(), "submitqueue-bundle-"));
  const queuesJson = join(outdir, "queues.json");
  const queues = queuesWith({ budget });
  writeFileSync(queuesJson, JSON.stringify(queues));
  const settings: Settings = {
    target: "aws",
    queues,
    queuesJson,
    queuesFile: "/var/task/queues.json",
    pageDirectory: "/var/task/page",
    pageFiles: join(outdir, "page"),
    workDirectory: "/tmp/submitqueue",
    deletionProtection: true,
    apiAuth: "iam",
    bundle: true,
    images: true,
    version: "0.0.0",
  };
  const app = new App({ outdir, analyticsReporting: false, builtinCloudFormationValidation: false });
  const stack = new Stack(app, "Test");
  new LambdaFunction(stack, "Function", { name, timeout: Duration.seconds(30), queues: true, git, settings });
  app.synth();
  return outdir;
}

/** The asset of such a function. */
function bundled(name: string, budget = 4): { readonly directory: string; readonly files: readonly string[] } {
  const outdir = synthesized(name, { budget });
  const [asset] = readdirSync(outdir).filter((file) => /^asset\.[0-9a-f]{64}$/.test(file));
  if (asset === undefined) throw new Error("nothing was bundled");
  return { directory: join(outdir, asset), files: readdirSync(join(outdir, asset)).sort() };
}

describe("a function's code", () => {
  const first = bundled("gateway/log");

  it("is one small file that stands alone, with the queue configuration beside it", async () => {
    expect(first.files).toEqual(["index.mjs", "queues.json"]);
    expect(statSync(join(first.directory, "index.mjs")).size).toBeLessThan(2_000_000);
    expect(readFileSync(join(first.directory, "index.mjs"), "utf8")).not.toMatch(/from ?"@aws-sdk/);
    expect(Object.keys(await import(join(first.directory, "index.mjs")))).toEqual(["handler", "wire"]);
  });

  it("is the same code for the same configuration, and another for another", () => {
    const hash = ({ directory }: { directory: string }) => directory.slice(directory.lastIndexOf("asset."));
    expect(hash(bundled("gateway/log"))).toBe(hash(first));
    expect(hash(bundled("gateway/log", 5))).not.toBe(hash(first));
  });

  it("that is not there is missed by name", () => {
    expect(() => bundled("gateway/nothing")).toThrow(
      "the function gateway/nothing has no entry: functions/handlers/gateway/nothing.lambda.ts does not exist",
    );
  });
});

describe("a function that runs git", () => {
  it("is started by a file that the image holds, in the form that Lambda reads: one dot, before the export", () => {
    const outdir = synthesized("runway/land", { git: true });
    const { Resources } = JSON.parse(readFileSync(join(outdir, "Test.template.json"), "utf8"));
    const [fn] = Object.values(Resources as Record<string, { Type: string; Properties: Record<string, never> }>).filter(
      ({ Type }) => Type === "AWS::Lambda::Function",
    );
    const [command = ""] = (fn?.Properties["ImageConfig"] as { Command: string[] } | undefined)?.Command ?? [];
    const [, file, exported] = /^([^.]+)\.([^.]+)$/.exec(command) ?? [];
    const dockerfile = readFileSync("lib/runway-image/Dockerfile", "utf8");
    expect(dockerfile).toMatch(new RegExp(`^ +${file}=\\S+\\.lambda\\.ts \\\\$`, "m"));
    expect(exported).toBe("handler");
  });
});
