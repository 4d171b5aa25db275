import type { Placed, Templates } from "./templates.ts";

/** One statement of one policy, its references put in. */
export interface Statement {
  readonly stack: string;
  /** `PlanRoleDefaultPolicyA1B2, statement 2`, as a person would look for it. */
  readonly where: string;
  readonly logicalId: string;
  readonly effect: "Allow" | "Deny";
  /** Whom it is about. */
  readonly holders: readonly Holder[];
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
  readonly resources: readonly string[];
  readonly notResources: readonly string[];
  readonly conditions: unknown;
}

interface Holder {
  readonly name: string;
  /** Undefined for what is not one of our roles. */
  readonly stack?: string;
}

type Document = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Document =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

const POLICIES_OF_IDENTITIES = [
  "AWS::IAM::Policy",
  "AWS::IAM::ManagedPolicy",
  "AWS::IAM::RolePolicy",
  "AWS::IAM::UserPolicy",
  "AWS::IAM::GroupPolicy",
];
const IDENTITIES = ["AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group"];

/** Every statement that says what a role, user or group may do. */
export function identityStatements(templates: Templates): readonly Statement[] {
  const attached = templates.ofType(...POLICIES_OF_IDENTITIES).flatMap((policy) => {
    const { Roles, RoleName, Users, UserName, Groups, GroupName, PolicyDocument } = policy.properties;
    const names = [Roles, RoleName, Users, UserName, Groups, GroupName].flatMap((property) =>
      templates.texts(policy.stack, property, "?"),
    );
    return statementsOf(
      templates,
      policy,
      PolicyDocument,
      "",
      names.map((name) => holderOf(templates, name)),
    );
  });
  const inline = templates.ofType(...IDENTITIES).flatMap((identity) =>
    listOf(identity.properties["Policies"])
      .filter(isRecord)
      .flatMap(({ PolicyName, PolicyDocument }) =>
        statementsOf(
          templates,
          identity,
          PolicyDocument,
          ` policy ${templates.text(identity.stack, PolicyName, "?")},`,
          [{ name: identity.logicalId, ...(identity.type === "AWS::IAM::Role" ? { stack: identity.stack } : {}) }],
        ),
      ),
  );
  return [...attached, ...inline];
}

/** Every statement of a policy that a resource carries: `document` is where it stands in the template. */
export function resourceStatements(templates: Templates, at: Placed, document: unknown): readonly Statement[] {
  if (!isRecord(document)) return [];
  return listOf(document["Statement"]).flatMap((statement, index) => {
    if (!isRecord(statement)) return [];
    const principals = isRecord(statement["Principal"])
      ? Object.values(statement["Principal"]).flatMap(listOf)
      : listOf(statement["Principal"]);
    const holders = principals.map((principal) => holderOf(templates, templates.text(at.stack, principal, "?")));
    return [toStatement(templates, at, statement, ` resource policy, statement ${index}`, holders)];
  });
}

function statementsOf(
  templates: Templates,
  at: Placed,
  document: unknown,
  label: string,
  holders: readonly Holder[],
): readonly Statement[] {
  if (!isRecord(document)) return [];
  return listOf(document["Statement"]).flatMap((statement, index) =>
    isRecord(statement) ? [toStatement(templates, at, statement, `${label} statement ${index}`, holders)] : [],
  );
}

function toStatement(
  templates: Templates,
  { stack, logicalId }: Placed,
  statement: Document,
  label: string,
  holders: readonly Holder[],
): Statement {
  const effect = statement["Effect"] === "Deny" ? "Deny" : "Allow";
  // What is known only after deployment counts as anything when it allows, and as nothing when it denies.
  const unknown = effect === "Allow" ? "*" : "?";
  const list = (name: string) => templates.texts(stack, statement[name], name.startsWith("Not") ? "?" : unknown);
  return {
    stack,
    logicalId,
    where: `${logicalId},${label}`,
    effect,
    holders,
    actions: list("Action"),
    notActions: list("NotAction"),
    resources: list("Resource"),
    notResources: list("NotResource"),
    conditions: statement["Condition"],
  };
}

function holderOf(templates: Templates, nameOrArn: string): Holder {
  const role = templates.role(nameOrArn);
  return role === undefined ? { name: nameOrArn } : { name: role.logicalId, stack: role.stack };
}

/** IAM's wildcards: `*` for any text, `?` for any one character; actions in any case. */
export function matches(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "is").test(text);
}

/** Which of the actions a statement is about. */
export const actionsAmong = ({ actions, notActions }: Statement, among: readonly string[]): readonly string[] =>
  among.filter((action) =>
    notActions.length > 0
      ? !notActions.some((pattern) => matches(pattern, action))
      : actions.some((pattern) => matches(pattern, action)),
  );

/** Whether a statement is about the resource, or about something below it. */
export function concerns({ resources, notResources }: Statement, arn: string): boolean {
  if (notResources.length > 0) return !notResources.some((pattern) => matches(pattern, arn));
  const about = [arn, `${arn}/index/x`, `${arn}/stream/x`];
  return resources.some((pattern) => pattern.startsWith(`${arn}/`) || about.some((one) => matches(pattern, one)));
}
