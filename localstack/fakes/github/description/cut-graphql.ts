import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSchema, isEnumType, isObjectType } from "graphql";

// Run by hand, in an empty directory with the package unpacked (`npm pack @octokit/graphql-schema@15.26.1`, then tar):
//   npx node localstack/fakes/github/description/cut-graphql.ts package/schema.graphql

/** The fields that the queue asks for, by their types. A type that is not here is a scalar, or an enum that is kept whole. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  Query: ["repository"],
  Repository: ["ref", "pullRequest"],
  Ref: ["refUpdateRule"],
  RefUpdateRule: ["requiredApprovingReviewCount", "requiresCodeOwnerReviews"],
  PullRequest: [
    "number",
    "state",
    "isDraft",
    "headRefOid",
    "headRefName",
    "baseRefName",
    "mergeable",
    "mergeStateStatus",
    "reviewDecision",
    "author",
    "labels",
    "latestOpinionatedReviews",
  ],
  LabelConnection: ["nodes"],
  Label: ["name"],
  PullRequestReviewConnection: ["nodes"],
  PullRequestReview: ["state", "author", "commit"],
  Commit: ["oid"],
};

const [, , source = ""] = process.argv;
// The published schema names two fields twice.
const whole = buildSchema(readFileSync(source, "utf8"), { assumeValidSDL: true });
const used = new Set<string>();
const nameOf = (type: { toString(): string }): string => type.toString().replaceAll(/[[\]!]/g, "");

const types = Object.entries(FIELDS).map(([name, fields]) => {
  const type = whole.getType(name);
  if (!isObjectType(type)) throw new Error(`GitHub has no type ${name}`);
  const lines = fields.map((field) => {
    const found = type.getFields()[field];
    if (found === undefined) throw new Error(`GitHub's ${name} has no field ${field}`);
    const taken = found.args.filter((arg) => !/^(after|before|last|orderBy|followRenames)$/.test(arg.name));
    for (const one of [found.type, ...taken.map((arg) => arg.type)]) used.add(nameOf(one));
    const args = taken.map((arg) => `${arg.name}: ${arg.type}`).join(", ");
    return `  ${field}${args === "" ? "" : `(${args})`}: ${found.type}`;
  });
  return `type ${name} {\n${lines.join("\n")}\n}`;
});
const enums = [...used].flatMap((name) => {
  const type = whole.getType(name);
  return isEnumType(type)
    ? [
        `enum ${name} {\n${type
          .getValues()
          .map((one) => `  ${one.name}`)
          .join("\n")}\n}`,
      ]
    : [];
});
const scalars = ["GitObjectID", "DateTime"].filter((name) => used.has(name)).map((name) => `scalar ${name}`);
const text = [
  "# Cut from GitHub's GraphQL schema, as @octokit/graphql-schema 15.26.1 has it (MIT): cut-graphql.ts.",
  "interface Actor {\n  login: String!\n}",
  "type User implements Actor {\n  login: String!\n}",
  ...types,
  ...enums,
  ...scalars,
].join("\n\n");
buildSchema(text);
writeFileSync(join(import.meta.dirname, "github.graphql"), `${text}\n`);
