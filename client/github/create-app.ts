import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as z from "zod";
import type { AppPermissions } from "../../functions/contracts/github-app.ts";
import type { GitHubAddress } from "./host.ts";
import { manifestOf } from "./manifest.ts";

/** What GitHub gives out once, and never again. */
const Converted = z.looseObject({
  id: z.int().positive(),
  name: z.string(),
  slug: z.string(),
  html_url: z.url(),
  pem: z.string().min(1),
  webhook_secret: z.string().min(1),
});
export type CreatedApp = z.infer<typeof Converted>;

export interface CreateAppOptions {
  readonly github: GitHubAddress;
  /** Absent: the App belongs to the user who is signed in at GitHub. */
  readonly organization?: string | undefined;
  readonly name: string;
  readonly webhook: string;
  readonly more: AppPermissions;
  /** On 127.0.0.1; 0 for any. */
  readonly port: number;
  readonly signal: AbortSignal;
  /** Told the address that the person is to open. */
  readonly opened: (address: string) => void;
  /** Keeps the App's private key and webhook secret. The browser is told when it fails. */
  readonly keep: (app: CreatedApp) => Promise<void>;
}

const secret = (): string => randomBytes(24).toString("base64url");

/**
 * Has a person create the App: a page on this machine sends the manifest to GitHub, GitHub sends the browser back with a code, and the code
 * is exchanged for the App's keys. Only the browser that opened the address can take part: the page's path, and the state that GitHub hands
 * back, are secrets of this run. Rejects when `signal` aborts, when GitHub does not take the code, and when `keep` does.
 */
export async function createApp(options: CreateAppOptions): Promise<CreatedApp> {
  const { github, organization, signal } = options;
  const [page, state] = [`/${secret()}`, secret()];
  const { promise, resolve, reject } = Promise.withResolvers<CreatedApp>();
  let isUsed = false;
  const server = createServer((request, response) => {
    if (request.headers.host !== host() || request.method !== "GET")
      return say(response, 403, "This is no address of the set-up.");
    const { pathname, searchParams } = new URL(request.url ?? "/", `http://${host()}`);
    if (isSame(pathname, page)) return form(response);
    const code = searchParams.get("code");
    if (pathname !== "/created" || code === null || !isSame(searchParams.get("state") ?? "", state) || isUsed)
      return say(response, 403, "Open the address that 'submitqueue github create-app' has printed.");
    isUsed = true;
    finish(code).then(
      (app) => {
        say(response, 200, `The GitHub App ${app.name} is there. Go back to the terminal; this page can be closed.`);
        resolve(app);
      },
      (error: unknown) => {
        say(response, 502, "It did not work. The terminal says why.");
        reject(error);
      },
    );
  });
  // As browsers write it: without port 80.
  const host = () => new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`).host;

  function form(response: ServerResponse): void {
    const manifest = manifestOf({ ...options, redirect: `http://${host()}/created` });
    const path = organization === undefined ? "" : `/organizations/${encodeURIComponent(organization)}`;
    const action = `${github.web}${path}/settings/apps/new?state=${state}`;
    const html = `<!doctype html><meta charset="utf-8"><title>Create a GitHub App</title>
<style>body{font:16px system-ui;margin:4rem auto;max-width:38rem;padding:0 1rem}button{font:inherit;padding:.5rem 1rem}</style>
<h1>Create the GitHub App</h1>
<p>${escaped(options.name)} is created at ${escaped(github.web)}${organization === undefined ? "" : ` for ${escaped(organization)}`}. GitHub asks for its name once more.</p>
<form action="${escaped(action)}" method="post"><input type="hidden" name="manifest" value="${escaped(JSON.stringify(manifest))}"><button>Go on to GitHub</button></form>`;
    response.writeHead(200, {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "content-security-policy": `default-src 'none'; style-src 'unsafe-inline'; form-action ${github.web} http://${host()}; frame-ancestors 'none'`,
    });
    response.end(html);
  }

  async function finish(code: string): Promise<CreatedApp> {
    const app = await converted(github, code, signal);
    await options.keep(app);
    return app;
  }

  const aborted = () => reject(new Error("interrupted before GitHub sent the browser back"));
  signal.addEventListener("abort", aborted, { once: true });
  try {
    server.listen(options.port, "127.0.0.1");
    await once(server, "listening");
    if (signal.aborted) aborted();
    options.opened(`http://${host()}${page}`);
    return await promise;
  } finally {
    signal.removeEventListener("abort", aborted);
    // The answer to the browser goes out first.
    server.close();
    server.closeIdleConnections();
  }
}

async function converted({ api }: GitHubAddress, code: string, signal: AbortSignal): Promise<CreatedApp> {
  const answer = await fetch(`${api}/app-manifests/${encodeURIComponent(code)}/conversions`, {
    method: "POST",
    headers: { accept: "application/vnd.github+json", "user-agent": "submitqueue" },
    signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
  });
  if (!answer.ok)
    throw new Error(
      `GitHub did not take the code (${answer.status}): start again, a code is good for one hour and for once.`,
    );
  return Converted.parse(await answer.json());
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    connection: "close",
  });
  response.end(`${text}\n`);
}

const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

function isSame(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}
