import type { request } from "@octokit/request";
import * as z from "zod";
import type { Finding } from "../cli/finding.ts";

type Call = typeof request;

const Rule = z.looseObject({
  type: z.string(),
  ruleset_id: z.int().optional(),
  parameters: z.looseObject({}).optional(),
});
const RequiredChecks = z.looseObject({ required_status_checks: z.array(z.looseObject({ context: z.string() })) });
const Ruleset = z.looseObject({ name: z.string(), current_user_can_bypass: z.string().optional() });
const Branch = z.looseObject({
  protection: z
    .looseObject({
      enabled: z.boolean().optional(),
      required_status_checks: z.looseObject({ contexts: z.array(z.string()).default([]) }).optional(),
    })
    .optional(),
});

/** Rules that a push of the queue can meet. */
const IN_THE_WAY: readonly string[] = [
  "update",
  "pull_request",
  "required_status_checks",
  "required_signatures",
  "required_deployments",
  "required_linear_history",
];

/** Whether the queue may push to a branch, and what the branch requires. `call` as the App's installation. Two calls, and one per ruleset. */
export async function branchFindings(
  call: Call,
  {
    owner,
    repo,
    branch,
    check,
  }: { readonly owner: string; readonly repo: string; readonly branch: string; readonly check: string },
): Promise<readonly Finding[]> {
  const repository = { owner, repo };
  const at = { ...repository, branch };
  const title = (what: string) => `${owner}/${repo} ${branch}: ${what}`;
  try {
    const rules = z
      .array(Rule)
      .parse((await call("GET /repos/{owner}/{repo}/rules/branches/{branch}", { ...at, per_page: 100 })).data);
    const { protection } = Branch.parse((await call("GET /repos/{owner}/{repo}/branches/{branch}", at)).data);
    const required = [
      ...rules.flatMap(
        ({ parameters }) =>
          RequiredChecks.safeParse(parameters).data?.required_status_checks.map(({ context }) => context) ?? [],
      ),
      ...(protection?.required_status_checks?.contexts ?? []),
    ];
    return [
      await pushFinding(call, repository, { check: title("push"), rules, isProtected: protection?.enabled === true }),
      checksFinding(title("checks"), [...new Set(required)], check),
    ];
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return [
      { check: title("push"), state: "problem", says: `GitHub does not show the branch (${said}): is it there?` },
    ];
  }
}

async function pushFinding(
  call: Call,
  at: { readonly owner: string; readonly repo: string },
  {
    check,
    rules,
    isProtected,
  }: { readonly check: string; readonly rules: readonly z.infer<typeof Rule>[]; readonly isProtected: boolean },
): Promise<Finding> {
  const closed: string[] = [];
  const ids = new Set(rules.filter(({ type }) => IN_THE_WAY.includes(type)).flatMap(({ ruleset_id: id }) => id ?? []));
  for (const id of ids) {
    const { data } = await call("GET /repos/{owner}/{repo}/rulesets/{ruleset_id}", { ...at, ruleset_id: id });
    const { name, current_user_can_bypass: bypass } = Ruleset.parse(data);
    if (bypass !== "always" && bypass !== "exempt") closed.push(name);
  }
  if (closed.length > 0)
    return {
      check,
      state: "problem",
      says: `let the App bypass ${closed.map((name) => `the ruleset ${name}`).join(" and ")} (Settings, Rules, Bypass list: the App, “Always”)`,
    };
  if (isProtected)
    return {
      check,
      state: "skipped",
      says: "the branch is under classic protection, whose lists the App can't see: name the App under “Allow specified actors to bypass required pull requests” and “Restrict who can push”, or take a ruleset instead",
    };
  return { check, state: "ok", says: ids.size === 0 ? "no rule is in the way" : "the App may bypass the rules" };
}

function checksFinding(title: string, required: readonly string[], own: string): Finding {
  if (required.includes(own))
    return {
      check: title,
      state: "problem",
      says: `${own} is a required check, so that merging by hand is impossible in an emergency: take it off the list`,
    };
  return {
    check: title,
    state: "ok",
    says: required.length === 0 ? "none is required" : `required: ${required.join(", ")}`,
  };
}
