import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Run by hand, in an empty directory with the package unpacked (`npm pack @octokit/openapi@23.0.2`, then tar):
//   npx node localstack/fakes/github/description/cut.ts package/generated/api.github.com.json

const R = "/repos/{owner}/{repo}";

/** The operations that the queue, its App and the fake's users call: a method and a path of GitHub's REST API. */
const OPERATIONS = [
  "get /app",
  "get /app/installations",
  "get /app/installations/{installation_id}",
  "post /app/installations/{installation_id}/access_tokens",
  "get /app/hook/config",
  "patch /app/hook/config",
  "get /app/hook/deliveries",
  "get /app/hook/deliveries/{delivery_id}",
  "post /app/hook/deliveries/{delivery_id}/attempts",
  "post /app-manifests/{code}/conversions",
  "get /installation/repositories",
  "get /rate_limit",
  `get ${R}`,
  `get ${R}/installation`,
  `get ${R}/git/ref/{ref}`,
  `get ${R}/git/matching-refs/{ref}`,
  `post ${R}/git/refs`,
  `patch ${R}/git/refs/{ref}`,
  `delete ${R}/git/refs/{ref}`,
  `get ${R}/commits`,
  `get ${R}/commits/{ref}`,
  `get ${R}/commits/{commit_sha}/pulls`,
  `get ${R}/branches/{branch}`,
  `get ${R}/rules/branches/{branch}`,
  `get ${R}/rulesets/{ruleset_id}`,
  `get ${R}/commits/{ref}/check-runs`,
  `post ${R}/check-runs`,
  `get ${R}/check-runs/{check_run_id}`,
  `patch ${R}/check-runs/{check_run_id}`,
  `get ${R}/check-runs/{check_run_id}/annotations`,
  `post ${R}/check-runs/{check_run_id}/rerequest`,
  `post ${R}/statuses/{sha}`,
  `get ${R}/commits/{ref}/statuses`,
  `get ${R}/commits/{ref}/status`,
  `get ${R}/actions/runs`,
  `get ${R}/actions/runs/{run_id}`,
  `post ${R}/actions/runs/{run_id}/cancel`,
  `get ${R}/compare/{basehead}`,
  `get ${R}/activity`,
  `get ${R}/collaborators/{username}/permission`,
  `get ${R}/pulls`,
  `post ${R}/pulls`,
  `get ${R}/pulls/{pull_number}`,
  `patch ${R}/pulls/{pull_number}`,
  `get ${R}/pulls/{pull_number}/files`,
  `get ${R}/pulls/{pull_number}/commits`,
  `get ${R}/pulls/{pull_number}/reviews`,
  `post ${R}/pulls/{pull_number}/reviews`,
  `put ${R}/pulls/{pull_number}/reviews/{review_id}/dismissals`,
  `get ${R}/stacks`,
  `get ${R}/issues/{issue_number}`,
  `patch ${R}/issues/{issue_number}`,
  `get ${R}/issues/{issue_number}/comments`,
  `post ${R}/issues/{issue_number}/comments`,
  `get ${R}/issues/comments/{comment_id}`,
  `patch ${R}/issues/comments/{comment_id}`,
  `delete ${R}/issues/comments/{comment_id}`,
  `get ${R}/issues/comments/{comment_id}/reactions`,
  `post ${R}/issues/comments/{comment_id}/reactions`,
  `get ${R}/issues/{issue_number}/labels`,
  `post ${R}/issues/{issue_number}/labels`,
  `delete ${R}/issues/{issue_number}/labels/{name}`,
];

/** Payloads of webhooks, as `event.action`, or `event` alone where a payload has no action. */
const WEBHOOKS = [
  "ping",
  "push",
  "create",
  "delete",
  "status",
  "check_run.created",
  "check_run.completed",
  "check_run.rerequested",
  "check_run.requested_action",
  "check_suite.completed",
  "workflow_run.completed",
  "installation.created",
  "installation.deleted",
  "installation.suspend",
  "installation.unsuspend",
  "installation_repositories.added",
  "installation_repositories.removed",
  "issue_comment.created",
  "pull_request.opened",
  "pull_request.labeled",
  "pull_request.unlabeled",
  "pull_request.synchronize",
  "pull_request.edited",
  "pull_request.closed",
  "pull_request.reopened",
  "pull_request.converted_to_draft",
  "pull_request.ready_for_review",
  "pull_request.stacked",
  "pull_request_review.submitted",
  "pull_request_review.edited",
  "pull_request_review.dismissed",
];

type Json = { [name: string]: unknown };

/** What says nothing about the shape of a value. */
const DROPPED = new Set([
  "description",
  "summary",
  "example",
  "examples",
  "externalDocs",
  "tags",
  "title",
  "x-github",
  "x-octokit",
  "default",
  "deprecated",
  "x-github-deprecation",
  "operationId",
  "headers",
]);

/** Below these the keys are names of fields, and none is dropped. */
const NAMES = new Set(["properties", "patternProperties"]);

function bare(value: unknown, names = false): unknown {
  if (Array.isArray(value)) return value.map((item) => bare(item));
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => names || !DROPPED.has(key));
  return Object.fromEntries(kept.map(([key, item]) => [key, bare(item, !names && NAMES.has(key))]));
}

const [, , source = ""] = process.argv;
const whole = JSON.parse(readFileSync(source, "utf8")) as {
  info: { version: string };
  paths: Record<string, Json>;
  "x-webhooks": Record<string, Json>;
  components: Record<string, Record<string, unknown>>;
};
const components: Record<string, Json> = {};

/** Takes along what a value refers to. */
function follow(value: unknown): void {
  if (Array.isArray(value)) {
    value.forEach(follow);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  const { $ref } = value as { $ref?: unknown };
  if (typeof $ref === "string") {
    const [, , kind = "", name = ""] = $ref.split("/");
    if (kind === "examples" || components[kind]?.[name] !== undefined) return;
    const found = bare(whole.components[kind]?.[name]);
    components[kind] = { ...components[kind], [name]: found };
    follow(found);
    return;
  }
  Object.values(value).forEach(follow);
}

const paths: Record<string, Json> = {};
for (const operation of OPERATIONS) {
  const [method = "", path = ""] = operation.split(" ");
  const found = whole.paths[path]?.[method];
  if (found === undefined) throw new Error(`GitHub has no operation ${operation}`);
  paths[path] = { ...paths[path], [method]: bare(found) };
}
const webhooks: Record<string, unknown> = {};
for (const name of WEBHOOKS) {
  const key = name.replace(".", "-").replaceAll("_", "-");
  const found = whole["x-webhooks"][key] as { post?: { requestBody?: { content?: Record<string, Json> } } } | undefined;
  const schema = found?.post?.requestBody?.content?.["application/json"]?.["schema"];
  if (schema === undefined) throw new Error(`GitHub has no webhook ${name}`);
  webhooks[name] = bare(schema);
}
follow(paths);
follow(webhooks);
const cut = { from: `@octokit/openapi: api.github.com, ${whole.info.version} (MIT)`, paths, webhooks, components };
writeFileSync(join(import.meta.dirname, "github.json"), `${JSON.stringify(cut)}\n`);
