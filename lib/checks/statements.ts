import type { Placed, Templates } from "./templates.ts";

/** One statement of one policy, its references put in. */
export interface Statement {
  readonly stack: string;
  /** `PlanRoleDefaultPolicyA1B2, statement 2`, as a person would look for it. */
  readonly where: string;
  readonly logicalId: string;
  readonly effect: "Allow" | "Deny";
  /** Whom the statement is about. */
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
    const holders = names.map((name) => holderOf(templates, name));
    return statementsOf(templates, PolicyDocument, { at: policy, label: "", holdersOf: () => holders });
  });
  const inline = templates.ofType(...IDENTITIES).flatMap((identity) => {
    const stack = identity.type === "AWS::IAM::Role" ? { stack: identity.stack } : {};
    const holdersOf = () => [{ name: identity.logicalId, ...stack }];
    return listOf(identity.properties["Policies"])
      .filter(isRecord)
      .flatMap(({ PolicyName, PolicyDocument }) => {
        const label = ` policy ${templates.text(identity.stack, PolicyName, "?")},`;
        return statementsOf(templates, PolicyDocument, { at: identity, label, holdersOf });
      });
  });
  return [...attached, ...inline];
}

/** Every statement of a policy that a resource carries: `document` is where it stands in the template. */
export function resourceStatements(templates: Templates, at: Placed, document: unknown): readonly Statement[] {
  const holdersOf = ({ Principal }: Document) => {
    const principals = isRecord(Principal) ? Object.values(Principal).flatMap(listOf) : listOf(Principal);
    return principals.map((principal) => holderOf(templates, templates.text(at.stack, principal, "?")));
  };
  return statementsOf(templates, document, { at, label: " resource policy,", holdersOf });
}

/** Where a policy document is, how a person would look for it, and whom a statement of it is about. */
interface PolicyPlace {
  readonly at: Placed;
  readonly label: string;
  readonly holdersOf: (statement: Document) => readonly Holder[];
}

function statementsOf(templates: Templates, document: unknown, place: PolicyPlace): readonly Statement[] {
  if (!isRecord(document)) return [];
  return listOf(document["Statement"]).flatMap((statement, index) =>
    isRecord(statement) ? [toStatement(templates, statement, index, place)] : [],
  );
}

function toStatement(templates: Templates, statement: Document, index: number, place: PolicyPlace): Statement {
  const { stack, logicalId } = place.at;
  const effect = statement["Effect"] === "Deny" ? "Deny" : "Allow";
  // What is known only after deployment counts as anything when it allows, and as nothing when it denies.
  const unknown = effect === "Allow" ? "*" : "?";
  const list = (name: string) => templates.texts(stack, statement[name], name.startsWith("Not") ? "?" : unknown);
  return {
    stack,
    logicalId,
    where: `${logicalId},${place.label} statement ${index}`,
    effect,
    holders: place.holdersOf(statement),
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
export const matches = (pattern: string, text: string): boolean => expressionOf(pattern).test(text);

/** By pattern: a synthesis holds the same few hundred against thousands of texts. */
const EXPRESSIONS = new Map<string, RegExp>();

function expressionOf(pattern: string): RegExp {
  const known = EXPRESSIONS.get(pattern);
  if (known !== undefined) return known;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const made = new RegExp(`^${source}$`, "is");
  EXPRESSIONS.set(pattern, made);
  return made;
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
