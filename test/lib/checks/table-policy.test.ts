import { runSimulation } from "@cloud-copilot/iam-simulate";
import { describe, expect, it } from "vitest";
import type { Placed } from "../../../lib/checks/templates.ts";
import { TABLE_ADMINISTRATION, TABLE_READS, TABLE_WRITES } from "../../../lib/dynamodb-actions.ts";
import { TABLES } from "../../../lib/ownership.ts";
import { METADATA } from "../../../lib/settings.ts";
import { functionsOf, read, target, templatesOf } from "../synthesized.ts";

const templates = read(templatesOf());
/** The tables of these templates: a service that is not configured has none. */
const PRESENT = Object.entries(TABLES).filter(([, table]) => !("optional" in table));
const tables = templates.ofType("AWS::DynamoDB::Table");
const ACCOUNT = "111122223333";

const tableOf = (name: string): Placed => {
  const table = tables.find(({ metadata }) => metadata[METADATA.table] === name);
  if (table === undefined) throw new Error(`there is no table ${name}`);
  return table;
};

const roleOf = (name: string): string => {
  const fn = functionsOf(templates).find((one) => one.name === name);
  if (fn === undefined) throw new Error(`there is no function ${name}`);
  return target(templates, fn.stack, fn.properties["Role"]).arn;
};

/** The resource policy as DynamoDB would see it, references put in. */
function policyOf({ stack, properties }: Placed): unknown {
  const { PolicyDocument } = properties["ResourcePolicy"] as { PolicyDocument: unknown };
  const resolved = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolved);
    if (typeof value !== "object" || value === null) return value;
    if ("Fn::GetAtt" in value) return templates.text(stack, value, "?");
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolved(inner)]));
  };
  return resolved(PolicyDocument);
}

const ALLOWS_ALL = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };

/** What IAM decides for a role whose own policy allows everything. */
async function decision(role: string, action: string, table: Placed, resourcePolicy: unknown): Promise<string> {
  const result = await runSimulation(
    {
      request: {
        principal: `arn:aws:sts::${ACCOUNT}:assumed-role/${role.split("/").at(-1)}/session`,
        action,
        resource: { resource: table.arn, accountId: ACCOUNT },
        contextVariables: { "aws:PrincipalArn": role, "aws:PrincipalAccount": ACCOUNT },
      },
      identityPolicies: [{ name: "all", policy: ALLOWS_ALL }],
      resourcePolicy,
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  return result.resultType === "error" ? JSON.stringify(result.errors) : result.overallResult;
}

const administrator = `arn:aws:iam::${ACCOUNT}:role/Administrator`;

describe("a table's own policy, against roles whose policies allow everything", () => {
  it.each<[string, string, string, string]>([
    ["orchestrator/plan", "log", "dynamodb:PutItem", "ExplicitlyDenied"],
    ["orchestrator/plan", "log", "dynamodb:GetItem", "ExplicitlyDenied"],
    ["orchestrator/plan", "view", "dynamodb:Query", "ExplicitlyDenied"],
    ["runway/land", "view", "dynamodb:PartiQLUpdate", "ExplicitlyDenied"],
    ["gateway/api", "log", "dynamodb:PutItem", "Allowed"],
    ["gateway/api", "requests", "dynamodb:PutItem", "ExplicitlyDenied"],
    ["gateway/api", "requests", "dynamodb:GetItem", "Allowed"],
    ["runway/land", "claims", "dynamodb:DeleteItem", "ExplicitlyDenied"],
    ["orchestrator/plan", "batches", "dynamodb:PutItem", "Allowed"],
    ["orchestrator/admit-workflow/start", "batches", "dynamodb:PutItem", "ExplicitlyDenied"],
  ])("%s on %s, %s: %s", async (name, table, action, expected) => {
    expect(await decision(roleOf(name), action, tableOf(table), policyOf(tableOf(table)))).toBe(expected);
  });

  it.each(PRESENT)(
    "refuses an administrator the data of %s, and leaves the table to them",
    async (name, { denied }) => {
      const table = tableOf(name);
      for (const action of [...TABLE_READS, ...TABLE_WRITES])
        expect(await decision(administrator, action, table, policyOf(table)), action).toBe(
          (denied as readonly string[]).includes(action) ? "ExplicitlyDenied" : "Allowed",
        );
      for (const action of TABLE_ADMINISTRATION.filter((one) => one !== "dynamodb:InjectError"))
        expect(await decision(administrator, action, table, policyOf(table)), action).toBe("Allowed");
    },
  );

  it("is what refuses: without it, the same roles are allowed", async () => {
    for (const [name, { denied }] of PRESENT)
      for (const action of denied)
        expect(await decision(roleOf("runway/land"), action, tableOf(name), undefined), action).toBe("Allowed");
  });
});
