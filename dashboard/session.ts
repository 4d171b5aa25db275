import type { PageSettings } from "../functions/contracts/page.ts";

/** What the server wrote into the page. */
export const settings: PageSettings = readSettings();

function readSettings(): PageSettings {
  const text = document.querySelector<HTMLMetaElement>('meta[name="submitqueue"]')?.content ?? "";
  try {
    return JSON.parse(text) as PageSettings;
  } catch {
    return { auth: "open", version: "" };
  }
}

interface Tokens {
  readonly token: string;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
}
interface Leaving {
  readonly state: string;
  readonly verifier: string;
  readonly returnTo: string;
}

/** Both live as long as the tab: no other tab, and no later visit, finds them. */
const KEYS = { tokens: "submitqueue-token", leaving: "submitqueue-sign-in" } as const;

function stored<T>(key: string): T | undefined {
  const text = sessionStorage.getItem(key);
  return text === null ? undefined : (JSON.parse(text) as T);
}

/** What the paths of the API begin with, as this page's calls have to say them. */
export const apiPrefix = (): string => (settings.auth === "jwt" ? settings.prefix : "");

/** True when the page's calls carry a token, which a stream of events can't. */
export const hasToken = (): boolean => settings.auth === "jwt" || settings.auth === "token";

/** The header that tells the API who calls; none where no login is asked for. */
export function authorization(): Readonly<Record<string, string>> {
  const tokens = hasToken() ? stored<Tokens>(KEYS.tokens) : undefined;
  return tokens === undefined ? {} : { authorization: `Bearer ${tokens.token}` };
}

/** What is wrong with logging in, as a sentence for people. */
export class SignInFailed extends Error {
  override readonly name = "SignInFailed";
}

/**
 * Before the first call: finishes a log-in that the provider has sent back, or starts one where there is no token. Returns false when the
 * browser is leaving for the provider. Throws SignInFailed.
 */
export async function signIn(): Promise<boolean> {
  if (settings.auth === "token") takeToken();
  if (settings.auth !== "jwt") return true;
  const query = new URLSearchParams(location.search);
  const leaving = stored<Leaving>(KEYS.leaving);
  if (leaving !== undefined && query.get("state") === leaving.state) {
    sessionStorage.removeItem(KEYS.leaving);
    const refused = query.get("error");
    if (refused !== null) throw new SignInFailed(`The provider refused: ${query.get("error_description") ?? refused}.`);
    await redeem(settings, query.get("code") ?? "", leaving.verifier);
    history.replaceState(null, "", leaving.returnTo);
    return true;
  }
  if (stored<Tokens>(KEYS.tokens) !== undefined) return true;
  await leave(settings);
  return false;
}

/** The address that the runtime prints ends in `#token=…`: what follows `#` is sent to no server, and is taken out of the address here. */
function takeToken(): void {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null || token === "") return;
  keep(token);
  history.replaceState(null, "", `${location.pathname}${location.search}`);
}

/** Keeps a token for the calls of this tab. */
export const keep = (token: string): void =>
  sessionStorage.setItem(KEYS.tokens, JSON.stringify({ token, receivedAt: Date.now() } satisfies Tokens));

/** A token that was refused right after it was given will be refused again: then the page says so, and goes round no circle. */
const FRESH_MS = 30_000;

/** The API refused the token: logs in anew, and comes back to this place. Does nothing where no login is asked for, or with a token that is fresh. */
export function signInAgain(): void {
  if (settings.auth !== "jwt") return;
  const tokens = stored<Tokens>(KEYS.tokens);
  if (tokens === undefined) return;
  if (Date.now() - tokens.receivedAt < FRESH_MS) return;
  sessionStorage.removeItem(KEYS.tokens);
  void leave(settings);
}

type Oidc = Extract<PageSettings, { auth: "jwt" }>;

const redirectUri = (): string => `${location.origin}/`;

async function leave(oidc: Oidc): Promise<void> {
  const { authorization_endpoint } = await discover(oidc);
  const [state, verifier] = [randomText(), randomText()];
  const here = `${location.pathname}${location.search}`;
  const leaving: Leaving = { state, verifier, returnTo: here };
  sessionStorage.setItem(KEYS.leaving, JSON.stringify(leaving));
  const target = new URL(authorization_endpoint);
  const asked = {
    response_type: "code",
    client_id: oidc.clientId,
    redirect_uri: redirectUri(),
    scope: oidc.scope,
    state,
    code_challenge: await challengeOf(verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) target.searchParams.set(name, value);
  location.assign(target);
}

async function redeem(oidc: Oidc, code: string, verifier: string): Promise<void> {
  const { token_endpoint } = await discover(oidc);
  const form = new URLSearchParams({
    grant_type: "authorization_code",
    code,
    client_id: oidc.clientId,
    redirect_uri: redirectUri(),
    code_verifier: verifier,
  });
  const response = await fetch(token_endpoint, { method: "POST", body: form }).catch(() => undefined);
  const answer = (await response?.json().catch(() => undefined)) as Record<string, unknown> | undefined;
  const token = [answer?.["access_token"], answer?.["id_token"]].find(isJwt);
  if (!response?.ok || token === undefined)
    throw new SignInFailed("The provider gave no token that the API could check. Try again, or ask who set it up.");
  keep(token);
}

/** Some providers give access tokens that only they can read; their ID token is what an API can check. */
const isJwt = (token: unknown): token is string => typeof token === "string" && token.split(".").length === 3;

interface Endpoints {
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
}

async function discover({ issuer }: Oidc): Promise<Endpoints> {
  const response = await fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`).catch(() => undefined);
  if (!response?.ok) throw new SignInFailed(`The log-in provider ${issuer} does not answer.`);
  return response.json() as Promise<Endpoints>;
}

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const randomText = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** RFC 7636, S256. */
async function challengeOf(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}
