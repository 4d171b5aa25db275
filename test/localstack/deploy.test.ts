import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { Template } from "../../lib/cloudformation/template.ts";
import { aQueuesFile, aStateDirectory } from "./fixture/runtime.ts";

const DEPLOY = resolve(import.meta.dirname, "..", "..", "localstack", "deploy");
const run = promisify(execFile);

const QUEUES = `queues:
  - name: fixture
    repository: { remote: ./remote.git }
    buildRunner: { type: fake, timeoutSeconds: 600 }
`;

describe("the app for endpoints that behave like AWS", () => {
  let resources: readonly { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>> }[];
  let queues: string;

  beforeAll(async () => {
    const outdir = join(aStateDirectory(), "cdk.out");
    const context = { queues: aQueuesFile(QUEUES), bundle: "false" };
    const env = { ...process.env, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) };
    await run(process.execPath, [join(DEPLOY, "app.ts")], { env });
    queues = readFileSync(join(outdir, "queues.json"), "utf8");
    resources = readdirSync(outdir)
      .filter((file) => file.endsWith(".template.json"))
      .map((file) => Template.parse(JSON.parse(readFileSync(join(outdir, file), "utf8"))))
      .flatMap(({ Resources }) => Object.values(Resources));
  });

  it("has the stacks' functions, and alarms without metric math only", () => {
    expect(resources.filter(({ Type }) => Type === "AWS::Lambda::Function").length).toBeGreaterThan(10);
    const alarms = resources.filter(({ Type }) => Type === "AWS::CloudWatch::Alarm");
    expect(alarms.length).toBeGreaterThan(0);
    expect(alarms.filter(({ Properties }) => "Metrics" in Properties)).toEqual([]);
  });

  it("names the queue configuration relative to the code, wherever an endpoint puts that", () => {
    const files = resources.flatMap(
      ({ Properties }) => JSON.stringify(Properties).match(/"QUEUES_FILE":"[^"]*"/g) ?? [],
    );
    expect(files.length).toBeGreaterThan(5);
    expect(new Set(files)).toEqual(new Set(['"QUEUES_FILE":"queues.json"']));
  });

  it("makes a relative remote absolute", () => {
    expect(JSON.parse(queues)).toMatchObject({
      queues: [{ repository: { remote: expect.stringMatching(/^\/.*\/remote\.git$/) } }],
    });
  });
});

describe("npm run localstack:deploy", () => {
  it.each<[string, readonly string[], RegExp]>([
    ["an endpoint that is no URL", ["--endpoint", "here"], /It is an http\(s\) URL[\s\S]*Usage:/],
    ["a flag that it does not know", ["--colour"], /unknown option '--colour'[\s\S]*Usage:/],
    [
      "an endpoint where nothing answers",
      ["--endpoint", "http://127.0.0.1:1"],
      /nothing answers at http:\/\/127\.0\.0\.1:1/,
    ],
  ])("refuses %s with exit code 2", async (_, args, said) => {
    const failure = run(process.execPath, [join(DEPLOY, "deploy.ts"), ...args]);
    await expect(failure).rejects.toMatchObject({ code: 2, stderr: expect.stringMatching(said) });
  });
});
