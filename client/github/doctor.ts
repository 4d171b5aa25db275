import { createAppAuth } from "@octokit/auth-app";
import { request } from "@octokit/request";
import { gitHubOf } from "../../functions/contracts/code-host.ts";
import {
  APP_EVENTS,
  APP_PERMISSIONS,
  type GitHubAppCredentials,
  missingPermissions,
} from "../../functions/contracts/github-app.ts";
import type { Finding } from "../cli/finding.ts";
import { type AppSecret, appIn } from "./app-secret.ts";
import { branchFindings } from "./branch-rules.ts";
import type { GitHubAddress } from "./host.ts";
import { deliveryFinding } from "./test-delivery.ts";

/** A branch that a queue lands on. */
interface Place {
  readonly remote: string;
  readonly branch: string;
}

export interface Examination {
  readonly github: GitHubAddress;
  readonly secret: AppSecret;
  /** The name of the queue's own check run. */
  readonly check: string;
  readonly places: () => Promise<readonly Place[]>;
  /** How long a test delivery may take. */
  readonly patienceMs?: number;
}

type Call = typeof request;

/** What GitHub said, for people. */
const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const statusOf = (error: unknown): number | undefined =>
  error instanceof Error && "status" in error && typeof error.status === "number" ? error.status : undefined;

const wrong = (check: string, says: string): Finding => ({ check, state: "problem", says });
const fine = (check: string, says: string): Finding => ({ check, state: "ok", says });
const skipped = (check: string, says: string): Finding => ({ check, state: "skipped", says });

/**
 * Looks whether the App can do its work: its secret, permissions, events and webhook, then each repository and branch that queues land on,
 * and last a delivery that GitHub sends again. A finding that is not fine says what to do. Changes nothing. Some ten calls, and five for each
 * branch.
 */
export async function examineApp(examination: Examination): Promise<readonly Finding[]> {
  const { github, secret } = examination;
  const text = await secret.read().catch((error: unknown) => error);
  if (typeof text !== "string")
    return unexamined(
      wrong(
        "secret",
        text === undefined
          ? `there is no ${secret.place}: run 'submitqueue github create-app', or write --secret and --store`
          : `${secret.place} can't be read: ${said(text)}`,
      ),
    );
  const app = appIn(text);
  if (app === undefined)
    return unexamined(
      wrong("secret", `${secret.place} holds no GitHub App: it is JSON with appId, privateKey and webhookSecret`),
    );
  const findings = [fine("secret", `${secret.place} holds the App ${app.appId}`)];
  const asApp = await appCall(github, app).catch((error: unknown) => error);
  if (typeof asApp !== "function")
    return unexamined(...findings, wrong("app", `the private key can't be used: ${said(asApp)}`));
  const call = asApp as Call;
  const found = await call("GET /app").catch((error: unknown) => error);
  if (found instanceof Error)
    return unexamined(
      ...findings,
      wrong(
        "app",
        `GitHub does not know the App (${said(found)}): is the private key the App's, and ${github.web} its GitHub?`,
      ),
    );
  const { data } = found as {
    data: { slug?: string; html_url: string; permissions: Record<string, string>; events: string[] };
  };
  findings.push(fine("app", `${data.slug ?? app.appId} at ${data.html_url}`));
  findings.push(
    permissionFinding("permissions", data.permissions, `${data.html_url}: edit the App, Permissions & events`),
  );
  findings.push(eventFinding(data.events));
  findings.push(await webhookFinding(call, app));
  findings.push(...(await placeFindings(examination, app, call)));
  findings.push(await deliveryFinding(call, examination.patienceMs ?? 20_000));
  return findings;
}

const REST = ["app", "permissions", "events", "webhook", "repositories", "delivery"];

/** The findings so far, and the checks that could not be made. */
function unexamined(...findings: Finding[]): readonly Finding[] {
  const made = new Set(findings.map(({ check }) => check));
  return [
    ...findings,
    ...REST.filter((check) => !made.has(check)).map((check) => skipped(check, "needs what is wrong above")),
  ];
}

async function appCall({ api }: GitHubAddress, { appId, privateKey }: GitHubAppCredentials): Promise<Call> {
  const base = request.defaults({ baseUrl: api, headers: { "user-agent": "submitqueue" } });
  const { token } = await createAppAuth({ appId, privateKey, request: base })({ type: "app" });
  return base.defaults({ headers: { authorization: `bearer ${token}` } });
}

function permissionFinding(check: string, granted: Readonly<Record<string, string>>, where: string): Finding {
  const missing = missingPermissions(granted, APP_PERMISSIONS);
  return missing.length === 0
    ? fine(check, "all that the queue needs")
    : wrong(check, `grant ${missing.join(", ")} (${where})`);
}

function eventFinding(events: readonly string[]): Finding {
  const missing = APP_EVENTS.filter((event) => !events.includes(event));
  return missing.length === 0
    ? fine("events", APP_EVENTS.join(", "))
    : wrong(
        "events",
        `subscribe the App to ${missing.join(", ")}: without them commands and pushes are noticed late or never`,
      );
}

async function webhookFinding(call: Call, { webhookSecret }: GitHubAppCredentials): Promise<Finding> {
  if (webhookSecret === undefined)
    return wrong(
      "webhook",
      "the secret has no webhookSecret: set one in the App's settings, and write it into the secret",
    );
  try {
    const { url = "" } = (await call("GET /app/hook/config")).data;
    return url === ""
      ? wrong("webhook", "the App has no webhook: set its URL to the output WebhookUrl of the stack submitqueue-github")
      : fine("webhook", url);
  } catch (error) {
    return wrong("webhook", `GitHub does not show the App's webhook: ${said(error)}`);
  }
}

async function placeFindings(
  { github, places, check }: Examination,
  app: GitHubAppCredentials,
  asApp: Call,
): Promise<readonly Finding[]> {
  const named = await places().catch((error: unknown) => error);
  if (!Array.isArray(named))
    return [
      skipped("repositories", `the queue's API does not say which (${said(named)}): write --repository owner/name`),
    ];
  const found = named.flatMap(({ remote, branch }: Place) => {
    const host = gitHubOf(remote) ?? localOf(remote, github);
    return host === undefined ? [] : [{ owner: host.owner, repo: host.repo, branch }];
  });
  if (found.length === 0)
    return [
      wrong(
        "repositories",
        "no queue lands on a repository of this GitHub: write --repository owner/name, or look into queues.yaml",
      ),
    ];
  const findings: Finding[] = [];
  for (const { owner, repo, branch } of found) {
    const name = `${owner}/${repo}`;
    const installed = await asApp("GET /repos/{owner}/{repo}/installation", { owner, repo }).catch(
      (error: unknown) => error,
    );
    if (installed instanceof Error) {
      findings.push(
        statusOf(installed) === 404
          ? wrong(name, "the App is not installed there: install it, from the App's page")
          : wrong(name, `GitHub does not say whether the App is installed: ${said(installed)}`),
      );
      continue;
    }
    const { data } = installed as {
      data: { id: number; html_url: string; suspended_at: string | null; permissions: Record<string, string> };
    };
    if (data.suspended_at) {
      findings.push(wrong(name, `the App's installation is suspended: lift it at ${data.html_url}`));
      continue;
    }
    findings.push(permissionFinding(name, data.permissions, `an owner accepts them at ${data.html_url}`));
    const call = await installationCall(github, app, { id: data.id, repo }).catch((error: unknown) => error);
    if (typeof call !== "function")
      findings.push(wrong(`${name} ${branch}`, `no token for the repository: ${said(call)}`));
    else findings.push(...(await branchFindings(call as Call, { owner, repo, branch, check })));
  }
  return findings;
}

/** A repository of a GitHub on this machine. */
function localOf(
  remote: string,
  { web }: GitHubAddress,
): { readonly owner: string; readonly repo: string } | undefined {
  const [, owner = "", repo = ""] = remote.startsWith(`${web}/`)
    ? (/^\/([^/]+)\/([^/]+?)(?:\.git)?$/.exec(remote.slice(web.length)) ?? [])
    : [];
  return repo === "" ? undefined : { owner, repo };
}

async function installationCall(
  { api }: GitHubAddress,
  { appId, privateKey }: GitHubAppCredentials,
  { id, repo }: { readonly id: number; readonly repo: string },
): Promise<Call> {
  const base = request.defaults({ baseUrl: api, headers: { "user-agent": "submitqueue" } });
  const auth = createAppAuth({ appId, privateKey, request: base });
  const { token } = await auth({ type: "installation", installationId: id, repositoryNames: [repo] });
  return base.defaults({ headers: { authorization: `token ${token}` } });
}
