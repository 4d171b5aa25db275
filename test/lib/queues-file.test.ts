import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod";
import { parseQueues, QueuesFileError, readQueuesFile } from "../../lib/queues-file.ts";
import type { Target } from "../../lib/settings.ts";

const problemsIn = (text: string, target: Target = "embedded"): readonly string[] => {
  try {
    parseQueues(text, "queues.yaml", target);
    return [];
  } catch (error) {
    if (error instanceof QueuesFileError) return error.problems;
    throw error;
  }
};

const QueuesFile = z.object({ queues: z.array(z.record(z.string(), z.unknown())).min(1) });

const valid = `queues:
  - name: main
    repository: { remote: https://git.example.com/a.git }
    buildRunner: { type: fake }
`;

describe("a queue configuration", () => {
  it("is read with its defaults filled in", () => {
    const { queues } = parseQueues(valid, "queues.yaml");
    expect(queues).toMatchObject([{ name: "main", strategy: "REBASE", budget: 4, repository: { branch: "main" } }]);
  });

  it("shows every default in the queues.yaml that is shipped", () => {
    const file = new URL("../../queues.yaml", import.meta.url);
    const { queues } = QueuesFile.parse(parse(readFileSync(file, "utf8")));
    for (const { name, repository, ...shown } of queues) {
      const least = { name, repository, buildRunner: { type: "codebuild", project: "example-repository" } };
      const [all] = parseQueues(JSON.stringify({ queues: [least] }), "queues.json").queues;
      expect({ name, repository: all?.repository, ...shown }).toEqual(all);
    }
  });

  it("may be JSON, which is YAML", () => {
    const { queues } = parseQueues(JSON.stringify(parseQueues(valid, "a.yaml")), "a.json");
    expect(queues).toHaveLength(1);
  });

  it.each<[string, string, readonly string[]]>([
    ["an empty file", "", ["queues.yaml:1:1 queues: missing: expected array"]],
    ["several documents", `${valid}---\n${valid}`, ["queues.yaml:5:1 the file holds several documents: "]],
    [
      "a path that begins with no directory",
      valid.replace("https://git.example.com/a.git", "a.git"),
      ["queues.yaml:3:19 queues[0].repository.remote: https://…, ssh://…, file://…, or a path that begins with /, ./"],
    ],
    ["a file that is not a map", "- 1\n", ["queues.yaml:1:1 the file: "]],
    ["no queues", "queues: []\n", ["queues.yaml:1:1 queues: name at least one queue"]],
    ["an unknown field at the top", `${valid}queue: []\n`, ["queues.yaml:5:1 queue: there is no such field"]],
    [
      "a field of the wrong type",
      valid.replace("name: main", "name: main\n    budget: many"),
      ["queues.yaml:3:5 queues[0].budget: "],
    ],
    [
      "an unknown field within",
      valid.replace("{ type: fake }", "{ type: fake, timeout: 3 }"),
      ["queues.yaml:4:32 queues[0].buildRunner.timeout: there is no such field"],
    ],
    [
      "a missing field, at its parent",
      valid.replace("{ remote: https://git.example.com/a.git }", "{ branch: main }"),
      ["queues.yaml:3:5 queues[0].repository.remote: "],
    ],
    [
      "an unknown runner",
      valid.replace("type: fake", "type: jenkins"),
      ["queues.yaml:4:20 queues[0].buildRunner.type: "],
    ],
    [
      "a password in the remote",
      valid.replace("https://git", "https://me:secret@git"),
      ["queues.yaml:3:19 queues[0].repository.remote: write no user or password into a remote"],
    ],
    [
      "a name that is taken",
      valid + valid.slice("queues:\n".length),
      ["queues.yaml:5:5 queues[1].name: queue main is named twice"],
    ],
    ["a duplicate key", `${valid}queues: []\n`, ["queues.yaml:5:1 "]],
    ["text that is not YAML", "queues: [\n", ["queues.yaml:2:1 "]],
    [
      "everything at once",
      valid.replace("name: main", "name: Main\n    budget: 0\n    colour: red"),
      ["queues.yaml:2:5 queues[0].name: ", "queues.yaml:3:5 queues[0].budget: ", "queues.yaml:4:5 queues[0].colour: "],
    ],
  ])("with %s is refused, naming line, column and field", (_, text, starts) => {
    const problems = problemsIn(text);
    expect(problems.map((problem, index) => problem.slice(0, starts[index]?.length))).toEqual(starts);
    for (const problem of problems) expect(problem).not.toContain("\n");
  });

  it("does not repeat what a value was, which may be a secret", () => {
    const [problem] = problemsIn(valid.replace("https://git", "https://me:hunter2@git"));
    expect(problem).not.toContain("hunter2");
  });

  it("that can't be read is refused with its name", () => {
    expect(() => readQueuesFile("/nonexistent/queues.yaml")).toThrow(/^\/nonexistent\/queues.yaml: cannot be read/);
  });
});

describe("the refusals of a target", () => {
  it.each<[Target, string, readonly string[]]>([
    ["aws", valid, ["queues.yaml:4:20 queues[0].buildRunner.type: fake keeps its builds in files"]],
    [
      "aws",
      `${valid}  - name: other\n    repository: { remote: https://git.example.com/b.git }\n    buildRunner: { type: fake }\n`,
      [
        "queues.yaml:4:20 queues[0].buildRunner.type: fake keeps its builds in files",
        "queues.yaml:7:20 queues[1].buildRunner.type: fake keeps its builds in files",
      ],
    ],
    ["localstack", valid, []],
    ...(
      [
        ["labels: 'target:(.+)'", "labels: labels are those of pull requests"],
        ["labels: 'target:.+'", "labels: write one group around the part that is the target"],
        ["labels: '(target):(.+)'", "labels: write one group around the part that is the target"],
        ["labels: 'target:('", "labels: this is no regular expression"],
        ["check: targets", "check: the check is one of GitHub"],
      ] as const
    ).map(([labels, said]): [Target, string, readonly string[]] => [
      "embedded",
      `${valid}    conflictAnalyzer: { type: targets, ${labels} }\n`,
      [`queues.yaml:5:40 queues[0].conflictAnalyzer.${said}`],
    ]),
    [
      "embedded",
      `${valid}    markMerged: moveHead\n`,
      ["queues.yaml:5:5 queues[0].markMerged: head branches are those of pull requests"],
    ],
    [
      "embedded",
      `${valid}    conflictAnalyzer: { type: targets, labels: 'target:(.+)', check: targets }\n`,
      ["queues.yaml:5:63 queues[0].conflictAnalyzer.check: targets are named by labels or by a check"],
    ],
    [
      "embedded",
      `${valid.replace("https://git.example.com/a.git", "https://github.com/acme/shop.git, tokenSecret: t")}    changeProvider: { type: github }\n    conflictAnalyzer: { type: targets, labels: 'target:(.+)' }\n`,
      [],
    ],
    [
      "aws",
      valid.replace("type: fake", "type: command, command: make"),
      ["queues.yaml:4:20 queues[0].buildRunner.type: command runs on a laptop only"],
    ],
    [
      "localstack",
      valid.replace("type: fake", "type: command, command: make"),
      ["queues.yaml:4:20 queues[0].buildRunner.type: command runs on a laptop only"],
    ],
    ["embedded", valid.replace("type: fake", "type: command, command: make"), []],
    [
      "aws",
      valid.replace("https://git.example.com/a.git", "./a.git"),
      [
        "queues.yaml:3:19 queues[0].repository.remote: a path is reached on a laptop only",
        "queues.yaml:4:20 queues[0].buildRunner.type: fake keeps its builds in files",
      ],
    ],
    ["embedded", valid.replace("https://git.example.com/a.git", "./a.git"), []],
  ])("%s, given %j", (target, text, starts) => {
    const problems = problemsIn(text, target);
    expect(problems.map((problem, index) => problem.slice(0, starts[index]?.length))).toEqual(starts);
  });

  it("nothing of the example at the top of the repository, whose builds are real", () => {
    for (const target of ["aws", "localstack", "embedded"] as const) {
      const { queues } = readQueuesFile("queues.yaml", target);
      expect(queues).toMatchObject([{ buildRunner: { type: "codebuild" } }]);
    }
  });

  it.each<[Target, string, string, readonly string[]]>([
    ["aws", "https://github.com/acme/shop.git", "image: node:24", []],
    ["aws", "ssh://git@github.com/acme/shop", "image: node:24", []],
    ["aws", "https://gitlab.com/acme/team/shop", "image: node:24", []],
    ["localstack", "https://bitbucket.org/acme/shop", "image: node:24", []],
    [
      "aws",
      "https://git.example.com/shop.git",
      "image: node:24",
      ["queues.yaml:4:5 queues[0].buildRunner.source: CodeBuild checks out github.com, gitlab.com and bitbucket.org"],
    ],
    [
      "localstack",
      "https://github.com.example.com/acme/shop.git",
      "image: node:24, source: repository",
      ["queues.yaml:4:53 queues[0].buildRunner.source: CodeBuild checks out github.com"],
    ],
    ["aws", "https://git.example.com/shop.git", "project: shop", []],
    ["aws", "https://git.example.com/shop.git", 'image: node:24, source: none, buildspec: "version: 0.2\\n"', []],
    ["embedded", "https://github.com/acme/shop.git", "project: shop", []],
    [
      "embedded",
      "https://github.com/acme/shop.git",
      "image: node:24",
      ["queues.yaml:4:37 queues[0].buildRunner.image: the embedded runtime creates no CodeBuild project"],
    ],
  ])("%s, given the remote %s and a codebuild runner with %s", (target, remote, runner, starts) => {
    const text = valid
      .replace("https://git.example.com/a.git", remote)
      .replace("type: fake", `type: codebuild, ${runner}`);
    const problems = problemsIn(text, target);
    expect(problems.map((problem, index) => problem.slice(0, starts[index]?.length))).toEqual(starts);
  });

  it.each<[string, readonly string[]]>([
    ["project: shop", []],
    ["project: shop, source: none", []],
    ["image: node:24, computeType: BUILD_GENERAL1_LARGE, buildspec: ci/buildspec.yml", []],
    ["timeoutSeconds: 60", ["4:5 queues[0].buildRunner.project: name a CodeBuild project that exists, or an image"]],
    ["project: 'arn:aws:codebuild:eu-west-1:1:project/a'", ["4:37 queues[0].buildRunner.project: the name of a"]],
    [
      "project: shop, image: node:24, buildspec: b.yml",
      [
        "4:52 queues[0].buildRunner.image: the project shop has one of its own",
        "4:68 queues[0].buildRunner.buildspec: the project shop has one of its own",
      ],
    ],
    [
      "project: shop, computeType: BUILD_GENERAL1_SMALL",
      ["4:52 queues[0].buildRunner.computeType: the project shop has one of its own"],
    ],
    ["image: node:24, computeType: huge", ["4:53 queues[0].buildRunner.computeType: "]],
    [
      "image: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/ci:1",
      ["4:37 queues[0].buildRunner.image: a created project pulls public images only"],
    ],
    [
      "image: node:24, source: none, buildspec: buildspec.yml",
      ["4:67 queues[0].buildRunner.buildspec: a project without a source has no file to read"],
    ],
    ["image: node:24, source: none", ["4:5 queues[0].buildRunner.buildspec: a project without a source"]],
    ["project: shop, infrastructurePhases: [INSTALL, PRE_BUILD, POST_BUILD]", []],
    [
      "project: shop, infrastructurePhases: [INSTALL, BUILD, QUEUED]",
      [
        "4:84 queues[0].buildRunner.infrastructurePhases[1]: a failure in BUILD is the change's own",
        "4:91 queues[0].buildRunner.infrastructurePhases[2]: name INSTALL, PRE_BUILD or POST_BUILD",
      ],
    ],
    ["project: shop, infrastructurePhases: INSTALL", ["4:52 queues[0].buildRunner.infrastructurePhases: "]],
    ["project: shop, source: s3", ["4:52 queues[0].buildRunner.source: "]],
    ["project: shop, command: make", ["4:52 queues[0].buildRunner.command: there is no such field"]],
  ])("for every target, of a codebuild runner with %s", (runner, starts) => {
    for (const target of ["aws", "localstack", "embedded"] as const) {
      const text = valid
        .replace("https://git.example.com/a.git", "https://github.com/acme/shop.git")
        .replace("type: fake", `type: codebuild, ${runner}`);
      const problems = problemsIn(text, target).filter((problem) => !problem.includes("the embedded runtime creates"));
      const wanted = starts.map((start) => `queues.yaml:${start}`);
      expect(problems.map((problem, index) => problem.slice(0, wanted[index]?.length))).toEqual(wanted);
    }
  });

  it.each<[string, string, readonly string[]]>([
    ["https://github.com/acme/shop.git", "type: github, credentialsSecret: app", []],
    [
      "https://github.com/acme/shop.git",
      "type: github",
      ["changeProvider.credentialsSecret: name the secret with a GitHub App or a token that may read pull requests"],
    ],
    [
      "ssh://git@git.example.com/a/b/c.git",
      "type: github, credentialsSecret: app",
      ["changeProvider.repository: the remote names no repository on GitHub"],
    ],
    ["https://github.com/acme/shop.git", "type: github, waitFor: [luck]", ["changeProvider.waitFor[0]: "]],
    ["https://github.com/acme/shop.git", "type: github, waitSeconds: 5", ["changeProvider.waitSeconds: "]],
  ])("for every target, of a queue of %s whose change provider is { %s }", (remote, provider, starts) => {
    for (const target of ["aws", "localstack", "embedded"] as const) {
      const text = `${valid.replace("https://git.example.com/a.git", remote).replace("type: fake", "type: codebuild, project: shop")}    changeProvider: { ${provider} }\n`;
      const problems = problemsIn(text, target).map((problem) =>
        problem.replace(/^queues.yaml:\d+:\d+ queues\[0\]\./, ""),
      );
      expect(problems.map((problem, index) => problem.slice(0, starts[index]?.length))).toEqual(starts);
    }
  });
});
