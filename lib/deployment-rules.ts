import { type ApiAuth, patternParts } from "../functions/contracts/caller.ts";
import { codeBuildSourceOf, gitHubOf } from "../functions/contracts/code-host.ts";
import type { QueuesConfig } from "../functions/contracts/queues.ts";
import type { Target } from "./settings.ts";

/** What is wrong with one field of a queue configuration. */
export interface Problem {
  readonly field: readonly PropertyKey[];
  readonly what: string;
}

export interface Rulings {
  /** No templates can be made of the configuration for this target. */
  readonly errors: readonly Problem[];
  /** Templates can be made of the configuration, to be looked at. Deployed, it would not work. A queues.yaml with such a problem is refused. */
  readonly undeployable: readonly Problem[];
  /** The configuration can be deployed, and is not meant for real work. */
  readonly warnings: readonly Problem[];
}

/** What a queue configuration may not, or should not, say on a target. */
export function rulingsOn({ queues }: QueuesConfig, target: Target): Rulings {
  if (target === "embedded")
    return {
      errors: [...uncreatable(queues), ...unreachable(queues), ...unreviewable(queues), ...unlabelled(queues)],
      undeployable: [],
      warnings: [],
    };
  const errors: Problem[] = [];
  const undeployable: Problem[] = [];
  const warnings: Problem[] = [];
  queues.forEach(({ repository, buildRunner, changeProvider }, index) => {
    const at = (...field: readonly string[]): PropertyKey[] => ["queues", index, ...field];
    if (buildRunner.type === "command")
      errors.push({
        field: at("buildRunner", "type"),
        what: "command runs on a laptop only, under the embedded runtime: choose a runner that builds elsewhere",
      });
    if (target === "aws" && !/^(https|ssh):/.test(repository.remote))
      errors.push({
        field: at("repository", "remote"),
        what: "a path is reached on a laptop only: write https://… or ssh://…",
      });
    if (
      buildRunner.type === "codebuild" &&
      buildRunner.project === undefined &&
      buildRunner.source === "repository" &&
      codeBuildSourceOf(repository.remote) === undefined
    )
      errors.push({
        field: at("buildRunner", "source"),
        what: "CodeBuild checks out github.com, gitlab.com and bitbucket.org by itself: for any other host write source: none, and a buildspec that fetches $SQ_REF (doc/howto/ci.md)",
      });
    if (buildRunner.type === "http" && buildRunner.url.startsWith("http:"))
      errors.push({
        field: at("buildRunner", "url"),
        what: "http:// reaches this machine alone, under the embedded runtime: write https://…",
      });
    if (buildRunner.type === "fake" && target === "aws")
      undeployable.push({
        field: at("buildRunner", "type"),
        what: "fake keeps its builds in files, and on AWS the function that triggers a build and the one that polls it share no disk: choose a runner that builds elsewhere",
      });
    if (buildRunner.type === "fake")
      warnings.push({
        field: at("buildRunner", "type"),
        what: "fake builds nothing: every change passes unless its URI says otherwise",
      });
    if (changeProvider?.type === "fake")
      warnings.push({
        field: at("changeProvider", "type"),
        what: "fake believes what a change's URI says that it touches",
      });
  });
  return {
    errors: [...errors, ...unreachable(queues), ...unreviewable(queues), ...unlabelled(queues)],
    undeployable,
    warnings,
  };
}

/**
 * Patterns of `access` that would match the name of an IAM session and the subject of a token alike, under `iam+jwt`: users of an identity
 * provider may be able to choose their subject. `*` alone matches every caller, and says so.
 */
export const ambiguousPatterns = ({ queues }: QueuesConfig, apiAuth: ApiAuth): readonly Problem[] =>
  apiAuth !== "iam+jwt"
    ? []
    : queues.flatMap(({ access }, index) =>
        Object.entries(access).flatMap(([right, patterns = []]) =>
          patterns.flatMap((pattern, at): Problem[] =>
            pattern === "*" || patternParts(pattern).of !== undefined
              ? []
              : [
                  {
                    field: ["queues", index, "access", right, at],
                    what: `under apiAuth=iam+jwt, say how the caller is known: "iam:${pattern}" of AWS credentials, or "jwt:${pattern}" of a token`,
                  },
                ],
          ),
        ),
      );

/** Queues whose pull requests GitHub can't be asked about. */
const unreviewable = (queues: QueuesConfig["queues"]): readonly Problem[] =>
  queues.flatMap(({ changeProvider, squashMessage, markMerged }, index): readonly Problem[] => {
    if (changeProvider?.type !== "github") {
      const problem = (field: string, what: string): Problem => ({ field: ["queues", index, field], what });
      return [
        ...(squashMessage === "commits"
          ? []
          : [problem("squashMessage", "a pull request can say it only with changeProvider github")]),
        ...(markMerged === "close"
          ? []
          : [
              problem("markMerged", "head branches are those of pull requests: write changeProvider: { type: github }"),
            ]),
      ];
    }
    const at = (field: string): PropertyKey[] => ["queues", index, "changeProvider", field];
    const { repository, api, credentialsSecret } = changeProvider;
    if (repository === undefined)
      return [{ field: at("repository"), what: "the remote names no repository on GitHub: write its owner/name" }];
    if (api === undefined)
      return [{ field: at("api"), what: "the remote names no host of GitHub: write the address of its REST API" }];
    if (credentialsSecret === undefined)
      return [
        {
          field: at("credentialsSecret"),
          what: "name the secret with a GitHub App or a token that may read pull requests",
        },
      ];
    return [];
  });

/** Queues that read targets from GitHub, and whose pull requests are not read. */
const unlabelled = (queues: QueuesConfig["queues"]): readonly Problem[] =>
  queues.flatMap(({ conflictAnalyzer: analyzer, changeProvider }, index) => {
    if (analyzer.type !== "targets" || changeProvider?.type === "github") return [];
    return (["labels", "check"] as const).flatMap((field) =>
      analyzer[field] === undefined
        ? []
        : [
            {
              field: ["queues", index, "conflictAnalyzer", field],
              what: `${field === "labels" ? "labels are those of pull requests" : "the check is one of GitHub"}: write changeProvider: { type: github }`,
            },
          ],
    );
  });

/** Queues that wait for checks of a repository that GitHub can't be asked about. */
const unreachable = (queues: QueuesConfig["queues"]): readonly Problem[] =>
  queues.flatMap(({ buildRunner, repository }, index): readonly Problem[] => {
    if (buildRunner.type !== "github-checks") return [];
    const at = (field: string): PropertyKey[] => ["queues", index, "buildRunner", field];
    const found = gitHubOf(repository.remote);
    if (buildRunner.repository === undefined && found === undefined)
      return [
        { field: at("repository"), what: "the remote does not name a repository on GitHub: write its owner/name" },
      ];
    if (buildRunner.api === undefined && found === undefined)
      return [
        { field: at("api"), what: "the remote does not name a host of GitHub: write the address of its REST API" },
      ];
    if (buildRunner.credentialsSecret === undefined && repository.tokenSecret === undefined)
      return [
        {
          field: at("credentialsSecret"),
          what: "name the secret with a GitHub App or a token that may push branches and read checks",
        },
      ];
    return [];
  });

/** Projects that only CloudFormation could create: the embedded runtime has none. */
const uncreatable = (queues: QueuesConfig["queues"]): readonly Problem[] =>
  queues.flatMap(({ buildRunner }, index) =>
    buildRunner.type === "codebuild" && buildRunner.project === undefined
      ? [
          {
            field: ["queues", index, "buildRunner", "image"],
            what: "the embedded runtime creates no CodeBuild project: name one that exists as project",
          },
        ]
      : [],
  );

/** `queues[0].buildRunner.type: …` */
export function sentenceOf({ field, what }: Problem): string {
  const written = field.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  return `${written.replace(/^\./, "") || "the file"}: ${what}`;
}
