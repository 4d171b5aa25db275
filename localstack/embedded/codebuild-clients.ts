import * as z from "zod";
import type { CodeBuildClients } from "../../functions/adapters/aws-clients.ts";
import { accountClients } from "../../functions/adapters/build-runner/codebuild-project.ts";
import { ACCOUNT, REGION } from "../../lib/cloudformation/resolver.ts";
import type { Want } from "./iam.ts";

/** Throws AwsError when the caller lacks one of the rights. */
type Judge = (wants: readonly Want[]) => Promise<void>;

/**
 * Clients of the CodeBuild that the environment of this process names: of an account, or a fake on loopback. Each call is first judged by the
 * policies of the template, as AWS would judge it by those of the role.
 */
export function codebuildFor(judge: Judge): CodeBuildClients {
  const clients = accountClients();
  const judging =
    <Args extends { readonly input: object }, Answer>(
      next: (args: Args) => Promise<Answer>,
      { commandName }: { readonly commandName?: string },
    ) =>
    async (args: Args) => {
      await judge(wantsOf(commandName, args.input));
      return next(args);
    };
  clients.codebuild.middlewareStack.add(judging, JUDGED);
  clients.logs.middlewareStack.add(judging, JUDGED);
  return clients;
}

const JUDGED = { step: "initialize", name: "judged", priority: "high" } as const;

const Input = z.looseObject({
  projectName: z.string().optional(),
  buildspecOverride: z.string().optional(),
  id: z.string().optional(),
  ids: z.array(z.string()).default([]),
  reportArn: z.string().optional(),
  reportArns: z.array(z.string()).default([]),
  logGroupName: z.string().optional(),
  logStreamName: z.string().default(""),
});

/**
 * What the caller must be allowed to do for a call. A build belongs to its project, a report to its group. Names count and the account does not:
 * the templates are made for an account that does not exist. Example: BatchGetBuilds of `shop:1` and `shop:2` wants
 * codebuild:BatchGetBuilds on `project/shop`.
 */
export function wantsOf(commandName = "", input: unknown): readonly Want[] {
  const operation = commandName.replace(/Command$/, "");
  const { projectName, buildspecOverride, id, ids, reportArn, reportArns, logGroupName, logStreamName } =
    Input.parse(input);
  const arn = (service: string, rest: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${rest}`;
  if (logGroupName !== undefined) {
    const resource = arn("logs", `log-group:${logGroupName}:log-stream:${logStreamName}`);
    return [{ action: `logs:${operation}`, resource }];
  }
  const projects = [projectName ?? [], id ?? [], ids].flat().map((named) => named.split(":")[0] ?? "");
  const groups = [reportArn ?? [], reportArns].flat().map((named) => /:report\/([^:]+)/.exec(named)?.[1] ?? "");
  const named = [...projects.map((name) => `project/${name}`), ...groups.map((name) => `report-group/${name}`)];
  const resources = named.length === 0 ? ["*"] : [...new Set(named)].map((name) => arn("codebuild", name));
  const context =
    buildspecOverride === undefined ? {} : { context: { "codebuild:source.buildspec": buildspecOverride } };
  return resources.map((resource) => ({ action: `codebuild:${operation}`, resource, ...context }));
}
