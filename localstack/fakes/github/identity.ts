import { createPublicKey, createVerify, generateKeyPairSync, randomBytes } from "node:crypto";
import { Refusal } from "./refusal.ts";

export type Permission = `${string}:${"read" | "write"}`;
export type Permissions = Readonly<Record<string, string>>;

export type Identity =
  /** The App itself, by a JWT that it signed. */
  | { readonly kind: "app" }
  | {
      readonly kind: "installation";
      readonly permissions: Permissions;
      /** Undefined: all that the App is installed on. */
      readonly repositories?: readonly string[];
    }
  | { readonly kind: "user"; readonly login: string; readonly access: "read" | "write" }
  | { readonly kind: "actions" };

export interface AppIdentity {
  readonly id: number;
  readonly slug: string;
  readonly name: string;
  readonly clientId: string;
  readonly installationId: number;
  readonly privateKey: string;
  readonly webhookSecret: string;
}

/** What the App was given when it was installed: what the queue asks for (doc/howto/ci.md). */
const GRANTED: Permissions = {
  metadata: "read",
  contents: "write",
  pull_requests: "write",
  issues: "write",
  checks: "write",
  statuses: "read",
  actions: "write",
};

/** The webhook events that the App is subscribed to. */
const SUBSCRIBED: readonly string[] = [
  "check_run",
  "check_suite",
  "create",
  "delete",
  "issue_comment",
  "pull_request",
  "pull_request_review",
  "push",
  "status",
  "workflow_run",
];

/** Whether the App is installed on the repositories. A suspended installation keeps its tokens, and may do nothing with them. */
export type Installation = "installed" | "suspended" | "uninstalled";

const HOUR_MS = 3_600_000;
/** Of the JWT that a token of an installation ends with: the bytes of its parts. */
const PARTS = [64, 320, 256];
const RANK = ["read", "write", "admin"];

interface IssuedToken {
  readonly identity: Identity;
  readonly expiresAt: number;
}

let made: string | undefined;
/** One key a process: making it takes a tenth of a second. */
function privateKey(): string {
  made ??= generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  }).privateKey;
  return made;
}

/** The App with its key, the tokens of its installation, and the tokens of users. */
export class Identities {
  /** Another one after an App manifest was converted. */
  app: AppIdentity;
  /** May be taken away by a test. */
  granted: Permissions = GRANTED;
  subscribed: readonly string[] = SUBSCRIBED;
  installation: Installation = "installed";
  readonly #now: () => number;
  readonly #tokens = new Map<string, IssuedToken>();

  constructor(now: () => number) {
    this.#now = now;
    this.app = {
      id: 4_711,
      slug: "submitqueue",
      name: "submitqueue",
      clientId: "Iv23fakefakefakefake",
      installationId: 815,
      privateKey: privateKey(),
      webhookSecret: randomBytes(20).toString("hex"),
    };
  }

  /** A token as `POST …/access_tokens` gives it: good for an hour, for no more than the App was given. */
  issue(wanted: { permissions?: Permissions; repositories?: readonly string[] } = {}) {
    const permissions = wanted.permissions ?? this.granted;
    for (const [name, level] of Object.entries(permissions))
      if (!allows(this.granted, `${name}:${level as "read"}`))
        throw new Refusal(422, "The permissions requested are not granted to this installation.");
    const token = `ghs_${this.app.id}_${PARTS.map((bytes) => randomBytes(bytes).toString("base64url")).join(".")}`;
    const expiresAt = this.#now() + HOUR_MS;
    const { repositories } = wanted;
    const identity = {
      kind: "installation",
      permissions,
      ...(repositories === undefined ? {} : { repositories }),
    } as const;
    this.#tokens.set(token, { identity, expiresAt });
    return { token, permissions, expiresAt };
  }

  /** A personal access token. */
  userToken(login: string, access: "read" | "write" = "write"): string {
    const token = `ghp_${randomBytes(18).toString("hex")}`;
    this.#tokens.set(token, { identity: { kind: "user", login, access }, expiresAt: Number.POSITIVE_INFINITY });
    return token;
  }

  /** Every token that was given out is unknown from now on. */
  revokeAll(): void {
    this.#tokens.clear();
  }

  /** Who sent the header. Throws 401 for an unknown or expired token and a JWT that the App did not sign. */
  identify(authorization: string | undefined): Identity {
    const [, scheme = "", sent = ""] = /^(\w+) (.+)$/.exec(authorization ?? "") ?? [];
    const token =
      scheme.toLowerCase() === "basic"
        ? Buffer.from(sent, "base64")
            .toString("utf8")
            .replace(/^[^:]*:/, "")
        : sent;
    if (token === "") throw new Refusal(401, "Requires authentication");
    if (/^(?!gh[a-z]_)[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return this.#identifyApp(token);
    const issued = this.#tokens.get(token);
    if (issued === undefined || issued.expiresAt <= this.#now()) throw new Refusal(401, "Bad credentials");
    const { identity } = issued;
    if (identity.kind === "installation" && this.installation === "uninstalled")
      throw new Refusal(401, "Bad credentials");
    if (identity.kind === "installation" && this.installation === "suspended")
      throw new Refusal(403, "This installation has been suspended");
    return identity;
  }

  #identifyApp(jwt: string): Identity {
    const [head = "", claims = "", signature = ""] = jwt.split(".");
    const parsed = (part: string) =>
      JSON.parse(Buffer.from(part, "base64url").toString("utf8")) as Record<string, unknown>;
    const verified = createVerify("RSA-SHA256").update(`${head}.${claims}`);
    if (
      parsed(head)["alg"] !== "RS256" ||
      !verified.verify(createPublicKey(this.app.privateKey), signature, "base64url")
    )
      throw new Refusal(401, "A JSON web token could not be decoded");
    const { iss, iat, exp } = parsed(claims);
    const now = this.#now() / 1_000;
    if (![String(this.app.id), this.app.clientId].includes(String(iss)))
      throw new Refusal(404, "Integration not found");
    if (typeof iat !== "number" || iat > now + 60)
      throw new Refusal(
        401,
        "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
      );
    if (typeof exp !== "number" || exp < now || exp > now + 660)
      throw new Refusal(
        401,
        "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
      );
    return { kind: "app" };
  }
}

function allows(permissions: Permissions, needed: Permission): boolean {
  const [name = "", level = ""] = needed.split(":");
  return RANK.indexOf(permissions[name] ?? "") >= RANK.indexOf(level);
}

/** The user that an action of the caller is by. */
export const loginOf = (identity: Identity): string => (identity.kind === "user" ? identity.login : "submitqueue[bot]");

/** True when the caller can see a repository of that name: an installation sees those that its token is for, and every other caller sees all. */
export const sees = (identity: Identity, repository: string): boolean =>
  identity.kind !== "installation" || (identity.repositories?.includes(repository) ?? true);

/** True when the caller may do that. A user with read access may read everything, one with write access may write, checks excepted. */
export function mayDo(identity: Identity, needed: Permission): boolean {
  if (identity.kind === "actions") return true;
  if (identity.kind === "app") return false;
  if (identity.kind === "installation") return allows(identity.permissions, needed);
  if (needed === "checks:write") return false;
  return identity.access === "write" || needed.endsWith(":read");
}
