import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { QueuesConfig } from "../../functions/contracts/queues.ts";
import { buildApp, synthesize } from "../../lib/app.ts";
import { optionsFrom } from "../../lib/context.ts";
import { QueuesFileError } from "../../lib/queues-file.ts";
import { queuesWith } from "./synthesized.ts";

const outdir = (): string => mkdtempSync(join(tmpdir(), "submitqueue-app-"));

describe("synthesize, for the embedded runtime", () => {
  const options = { target: "embedded", queues: queuesWith({}) } as const;

  it("writes four templates and the queue configuration, without code", () => {
    const directory = outdir();
    const { stacks } = synthesize({ ...options, outdir: directory });
    expect(stacks.map(({ stackName }) => stackName).sort()).toEqual([
      "submitqueue-gateway",
      "submitqueue-messaging",
      "submitqueue-orchestrator",
      "submitqueue-runway",
    ]);
    for (const { assets } of stacks) expect(assets).toEqual([]);
    expect(QueuesConfig.parse(JSON.parse(readFileSync(join(directory, "queues.json"), "utf8")))).toEqual(
      options.queues,
    );
  });

  it("gives the same templates for the same options", () => {
    const text = () => {
      const { stacks } = synthesize({ ...options, outdir: outdir(), workDirectory: "/work" });
      return stacks.map(({ templateFullPath }) =>
        JSON.parse(readFileSync(templateFullPath, "utf8").replaceAll(/"[^"]*submitqueue-app-[^"]*"/g, '"there"')),
      );
    };
    expect(text()).toEqual(text());
  });

  it("reads a file, and refuses one that is wrong before it builds anything", () => {
    const file = join(outdir(), "queues.yaml");
    writeFileSync(file, "queues:\n  - name: main\n");
    expect(() => synthesize({ ...options, queues: file, outdir: outdir() })).toThrow(QueuesFileError);
    expect(() => synthesize({ ...options, queues: file, outdir: outdir() })).toThrow(
      `${file}:2:5 queues[0].repository: `,
    );
  });

  it("takes the command runner, which AWS does not", () => {
    const queues = queuesWith({ buildRunner: { type: "command", command: "make" } });
    expect(synthesize({ target: "embedded", queues, outdir: outdir() }).stacks).toHaveLength(4);
    expect(() => synthesize({ target: "aws", queues, bundle: false, outdir: outdir() })).toThrow(
      /^queues\[0\]\.buildRunner\.type: command runs on a laptop only/,
    );
  });
});

it("a pattern of access that would match an IAM session and the subject of a token alike is refused under iam+jwt, and elsewhere not", () => {
  const jwt = { issuer: "https://login.example.com", audience: ["queue"] };
  const synthesized = (apiAuth: "iam" | "iam+jwt", ...land: readonly string[]) =>
    buildApp({
      target: "aws",
      bundle: false,
      images: false,
      apiAuth,
      jwt,
      outdir: outdir(),
      queues: queuesWith({ access: { land } }),
    });
  expect(() => synthesized("iam+jwt", "*", "group:leads", "iam:arn:*", "jwt:repo:acme/*", "arn:*")).toThrow(
    'queues[0].access.land[4]: under apiAuth=iam+jwt, say how the caller is known: "iam:arn:*" of AWS credentials, or "jwt:arn:*" of a token',
  );
  expect(() => synthesized("iam+jwt", "*", "group:leads", "iam:arn:*", "jwt:repo:acme/*")).not.toThrow();
  expect(() => synthesized("iam", "arn:*")).not.toThrow();
});

describe("the context", () => {
  it.each<[Readonly<Record<string, unknown>>, object]>([
    [{}, { queues: "queues.yaml", target: "aws", deletionProtection: true, bundle: true }],
    [
      { deletionProtection: "false", target: "localstack" },
      { target: "localstack", deletionProtection: false },
    ],
    [{ target: "embedded" }, { target: "embedded", bundle: false }],
    [
      { apiAuth: "none", bundle: "false" },
      { apiAuth: "none", bundle: false },
    ],
    [
      { apiAuth: "jwt", jwtIssuer: "https://issuer.example", jwtAudience: "a, b,", jwtScope: "land" },
      { apiAuth: "jwt", jwt: { issuer: "https://issuer.example", audience: ["a", "b"], scope: "land" } },
    ],
    [{ "@aws-cdk/core:bootstrapQualifier": "acme", team: "shop" }, { queues: "queues.yaml" }],
    [{ alarmTopic: "arn:aws:sns:eu-west-1:1:alarms" }, { alarmTopicArn: "arn:aws:sns:eu-west-1:1:alarms" }],
  ])("%j is understood", (context, options) => {
    expect(optionsFrom(context)).toMatchObject(options);
  });

  it.each<[Readonly<Record<string, unknown>>, RegExp]>([
    [{ target: "azure" }, /^context target: /],
    [{ apiAuth: "all" }, /^context apiAuth: /],
    [{ apiAuth: "token" }, /^context apiAuth: /],
    [{ apiAuth: "iam+jwt" }, /^context jwtIssuer: .*\ncontext jwtAudience: /],
    [{ apiAuth: "jwt", jwtIssuer: "http://issuer.example", jwtAudience: "a" }, /^context jwtIssuer: /],
    [{ deletionProtection: "perhaps" }, /^context deletionProtection: true or false$/],
    [{ queues: "" }, /^context queues: the path of a queues.yaml$/],
    [{ apiauth: "none" }, /^context apiauth: there is no such name, write apiAuth$/],
    [
      { jwtIssuer: "https://issuer.example", jwtAudience: "a" },
      /^context jwtIssuer: of use with apiAuth=jwt .*\ncontext jwtAudience: of use/,
    ],
    [{ alarmTopic: "alarms" }, /^context alarmTopic: the ARN of an SNS topic/],
    [{ target: "azure", apiAuth: "all" }, /^context target: .*\ncontext apiAuth: /],
  ])("%j is refused", (context, message) => {
    expect(() => optionsFrom(context)).toThrow(message);
  });
});
