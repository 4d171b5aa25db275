import { describe, expect, it } from "vitest";
import { ownershipFindings } from "../../lib/checks/plugin.ts";
import { Templates } from "../../lib/checks/templates.ts";
import { functionsOf, templatesOf, withGitHubApp } from "./synthesized.ts";

const synthesized = templatesOf({ queues: withGitHubApp() });
const templates = new Templates(synthesized);
const functions = functionsOf(templates);

/** What the statements of a function's role allow, as text. */
const rightsOf = (name: string): string => {
  const fn = functions.find((one) => one.name === name);
  if (fn === undefined) throw new Error(`there is no ${name}`);
  const role = JSON.stringify(fn.properties["Role"]);
  const [, id = ""] = /"([A-Za-z0-9]+Role[A-Za-z0-9]+)"/.exec(role) ?? [];
  const policies = templates
    .ofType("AWS::IAM::Policy")
    .filter(({ stack, properties }) => stack === fn.stack && JSON.stringify(properties["Roles"]).includes(id));
  return JSON.stringify(policies.map(({ properties }) => properties));
};

describe("a deployment with a GitHub App", () => {
  it("has a stack of its own, and a step of admission that asks for reviews", () => {
    const names = functions.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["github/webhook", "orchestrator/admit-workflow/review"]));
    expect(functionsOf(new Templates(templatesOf())).map(({ name }) => name)).not.toContain(
      "orchestrator/admit-workflow/review",
    );
  });

  it("lets only the functions that speak to GitHub read the App's secret", () => {
    const readers = functions.filter(({ name }) => rightsOf(name).includes("secret:submitqueue/app-??????"));
    expect(readers.map(({ name }) => name).sort()).toEqual([
      "github/commands",
      "github/reconcile",
      "github/webhook",
      "orchestrator/admit-workflow/review",
      "orchestrator/ask-workflow/answer",
      "runway/land",
    ]);
  });

  it("lets the step that asks for reviews read requests and tell the log, and nothing else", () => {
    const actions = new Set(
      rightsOf("orchestrator/admit-workflow/review").match(/"(dynamodb|sqs|states|secretsmanager|lambda|events):\w+"/g),
    );
    expect([...actions].sort()).toEqual(['"dynamodb:GetItem"', '"secretsmanager:GetSecretValue"', '"sqs:SendMessage"']);
  });

  it("lets the service that speaks to pull requests call the API about requests, and not run queues", () => {
    const calls = [...rightsOf("github/commands").matchAll(/\/\$default\/([^"]+)"/g)].map(([, call]) => call);
    expect(calls).toEqual(["GET/v1/queues/*", "POST/v1/queues/*/requests", "POST/v1/queues/*/requests/*"]);
  });

  it("is refused where the API would not let its functions in", () => {
    const jwt = { issuer: "https://login.example.com", audience: ["queue"] };
    expect(() => templatesOf({ queues: withGitHubApp(), apiAuth: "jwt", jwt })).toThrow(/deploy with apiAuth=iam\+jwt/);
    expect(() => templatesOf({ queues: withGitHubApp(), apiAuth: "iam+jwt", jwt })).not.toThrow();
  });

  it("keeps to the ownership of tables and topics", () => {
    expect(ownershipFindings(synthesized)).toEqual([]);
  });
});
