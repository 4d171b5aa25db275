import { INDEX_READS, TABLE_ADMINISTRATION, TABLE_READS, TABLE_WRITES } from "../dynamodb-actions.ts";
import { TABLES, type TableName } from "../ownership.ts";
import { METADATA } from "../settings.ts";
import type { Finding } from "./finding.ts";
import { actionsAmong, concerns, identityStatements, resourceStatements, type Statement } from "./statements.ts";
import type { Placed, Templates } from "./templates.ts";

const TABLE_TYPES = ["AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"];

/** Managed policies that say nothing of tables or topics. What any other says is not in the template, so it can't be checked. */
const HARMLESS = /:iam::aws:policy\/service-role\/AWSLambdaBasicExecutionRole$/;

interface Table extends Placed {
  readonly name: TableName;
  readonly owner: string;
  /** The actions that only the owner's roles may do. */
  readonly denied: readonly string[];
}

/**
 * The sole-writer invariant, on finished templates: a stack that does not own a table has no right to the actions that the owner keeps to
 * itself, no role at all may act on a table as a whole, and each table refuses strangers by a policy of its own. Conditions on an allowance
 * are ignored: an allowance that holds at times is one.
 */
export function soleWriterFindings(templates: Templates): readonly Finding[] {
  const { tables, findings } = ownedTables(templates);
  return [
    ...findings,
    ...identityStatements(templates).flatMap((statement) => allowanceFindings(statement, tables)),
    ...tables.flatMap((table) => policyFindings(templates, table)),
    ...unseen(templates),
    ...borrowedRoles(templates, new Set(tables.map(({ owner }) => owner))),
  ];
}

/** The tables by name: each there, once, in the stack of its owner, and no others. */
function ownedTables(templates: Templates): { tables: readonly Table[]; findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const tables: Table[] = [];
  for (const placed of templates.ofType(...TABLE_TYPES)) {
    const name = placed.metadata[METADATA.table];
    const known = Object.entries(TABLES).find(([key]) => key === name);
    if (known === undefined) {
      findings.push(
        fault("table-without-owner", placed, "is a table without an owner: give it one in lib/ownership.ts"),
      );
      continue;
    }
    const [key, { owner, denied }] = known;
    if (placed.stack !== owner)
      findings.push(fault("table-without-owner", placed, `is the table ${key}, which belongs to the ${owner}`));
    if (
      owner === "gateway" &&
      (placed.properties["StreamSpecification"] ?? placed.properties["KinesisStreamSpecification"])
    )
      findings.push(fault("table-stream", placed, "has a stream, which its resource policy does not guard"));
    tables.push({ ...placed, name: key as TableName, owner, denied });
  }
  const expected = Object.entries(TABLES).flatMap(([key, table]) => ("optional" in table ? [] : key));
  for (const name of expected.filter((key) => !tables.some((table) => table.name === key)))
    findings.push({
      rule: "table-missing",
      stack: TABLES[name as TableName].owner,
      logicalId: "",
      message: `the table ${name} is in no template, so nothing could be said about it`,
    });
  return { tables, findings };
}

function allowanceFindings(statement: Statement, tables: readonly Table[]): readonly Finding[] {
  if (statement.effect !== "Allow") return [];
  return tables
    .filter((table) => concerns(statement, table.arn))
    .flatMap((table) =>
      statement.holders.flatMap((holder) => {
        const stranger = holder.stack !== table.owner;
        const all = table.owner === "gateway" || table.owner === "github";
        const gateway = all ? [...TABLE_READS, ...INDEX_READS, ...TABLE_WRITES] : TABLE_WRITES;
        const kept = actionsAmong(statement, stranger ? gateway : []);
        const administration = actionsAmong(statement, TABLE_ADMINISTRATION);
        const who = `${holder.name} (${holder.stack ?? "no role of ours"})`;
        const found: Finding[] = [];
        if (kept.length > 0)
          found.push({
            ...faultIn(statement, "sole-writer"),
            message: `${statement.stack}: ${statement.where}: allows ${who} ${some(kept)} on the table ${table.name}, which belongs to the ${table.owner}`,
          });
        if (administration.length > 0)
          found.push({
            ...faultIn(statement, "table-administration"),
            message: `${statement.stack}: ${statement.where}: allows ${who} ${some(administration)} on the table ${table.name}: no role of ours acts on a table as a whole`,
          });
        return found;
      }),
    );
}

/** The second layer: a Deny that covers all that the owner keeps, for all roles but the owner's. */
function policyFindings(templates: Templates, table: Table): readonly Finding[] {
  const statements = documentsOf(table).flatMap((document) => resourceStatements(templates, table, document));
  const missing = table.denied.filter(
    (action) =>
      !statements.some(
        (statement) => refusesStrangers(templates, table, statement) && actionsAmong(statement, [action]).length > 0,
      ),
  );
  const found: Finding[] = [];
  if (missing.length > 0)
    found.push(
      fault(
        "table-policy",
        table,
        `is the table ${table.name}, whose resource policy does not deny strangers ${some(missing)}`,
      ),
    );
  for (const statement of statements.filter(({ effect }) => effect === "Allow"))
    found.push({
      ...faultIn(statement, "table-policy"),
      message: `${statement.stack}: ${statement.where}: allows ${some(statement.actions)}: a table's own policy only refuses`,
    });
  return found;
}

function refusesStrangers(templates: Templates, table: Table, statement: Statement): boolean {
  const { effect, holders, notActions, notResources, conditions } = statement;
  if (effect !== "Deny" || notActions.length > 0 || notResources.length > 0 || !concerns(statement, table.arn))
    return false;
  if (!holders.some(({ name }) => name === "*")) return false;
  const [[operator, keys] = [], ...others] = Object.entries((conditions ?? {}) as Readonly<Record<string, unknown>>);
  if (operator !== "ArnNotEquals" || others.length > 0) return false;
  const [[key, arns] = [], ...otherKeys] = Object.entries((keys ?? {}) as Readonly<Record<string, unknown>>);
  if (key !== "aws:PrincipalArn" || otherKeys.length > 0) return false;
  return templates.texts(table.stack, arns, "?").every((arn) => templates.role(arn)?.stack === table.owner);
}

function documentsOf({ type, properties }: Placed): readonly unknown[] {
  const replicas = type === "AWS::DynamoDB::GlobalTable" ? properties["Replicas"] : [properties];
  return (Array.isArray(replicas) ? replicas : []).map((replica) => replica?.ResourcePolicy?.PolicyDocument);
}

/** Managed policies whose statements are not in the templates. */
function unseen(templates: Templates): readonly Finding[] {
  const ours = new Set(
    templates.ofType("AWS::IAM::ManagedPolicy").map(({ stack, logicalId }) => `${stack}-${logicalId}`),
  );
  return templates.ofType("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group").flatMap((identity) =>
    templates
      .texts(identity.stack, identity.properties["ManagedPolicyArns"], "?")
      .filter((arn) => !HARMLESS.test(arn) && !ours.has(arn))
      .map((arn) =>
        fault("unseen-policy", identity, `has the managed policy ${arn}, whose statements can't be checked`),
      ),
  );
}

/** An owner's role is assumed by AWS services on the owner's behalf, and by no other principal. */
function borrowedRoles(templates: Templates, owners: ReadonlySet<string>): readonly Finding[] {
  return templates
    .ofType("AWS::IAM::Role")
    .filter(({ stack }) => owners.has(stack))
    .flatMap((role) => {
      const trust = resourceStatementsWithPrincipals(role.properties["AssumeRolePolicyDocument"]);
      return trust
        .filter((kinds) => kinds.some((kind) => kind !== "Service"))
        .map(() =>
          fault("borrowed-role", role, "may be assumed by others than AWS services, who could then write as its owner"),
        );
    });
}

function resourceStatementsWithPrincipals(document: unknown): readonly (readonly string[])[] {
  const { Statement = [] } = (document ?? {}) as { Statement?: unknown };
  return (Array.isArray(Statement) ? Statement : [Statement]).map((statement) =>
    typeof statement?.Principal === "object" && statement.Principal !== null ? Object.keys(statement.Principal) : ["*"],
  );
}

const some = (actions: readonly string[]): string =>
  actions.length <= 4 ? actions.join(", ") : `${actions.slice(0, 3).join(", ")} and ${actions.length - 3} more actions`;

const faultIn = ({ stack, logicalId }: Statement, rule: string) => ({ rule, stack, logicalId });

const fault = (rule: string, { stack, logicalId }: Placed, what: string): Finding => ({
  rule,
  stack,
  logicalId,
  message: `${stack}: ${logicalId} ${what}`,
});
