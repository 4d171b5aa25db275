import { sdkCredentials } from "../credentials.ts";
import type { Finding } from "./finding.ts";
import { git } from "./git.ts";
import type { Session } from "./session.ts";

export async function gitFinding(): Promise<Finding> {
  const version = await git("--version");
  return version === undefined
    ? { check: "git", state: "problem", says: "git does not run: install git, which `land` reads branches with" }
    : { check: "git", state: "ok", says: version };
}

/** What calls carry: a token, a signature, or nothing. */
export async function credentialFindings({ settings, isSigned }: Session): Promise<readonly Finding[]> {
  const { token } = settings;
  const check = "token";
  if (token !== undefined) return [{ check, ...tokenState(token.value, token.source) }];
  if (!isSigned) return [{ check, state: "ok", says: "none is set: calls say nothing of who makes them" }];
  const keys = await sdkCredentials().catch((error: unknown) => error);
  if (keys instanceof Error)
    return [
      {
        check,
        state: "problem",
        says: `no AWS credentials to sign calls with: ${keys.message}. Log in with the aws command line, or set SUBMITQUEUE_TOKEN`,
      },
    ];
  const { accessKeyId } = keys as Awaited<ReturnType<typeof sdkCredentials>>;
  return [{ check, state: "ok", says: `calls are signed with the AWS key ${accessKeyId}` }];
}

/** A token that runs out sooner does not last through a `land --wait`. */
const SOON_SECONDS = 600;

function tokenState(token: string, source: string): Pick<Finding, "state" | "says"> {
  const expiresAt = expiryOf(token);
  if (expiresAt === undefined) return { state: "ok", says: `from ${source}` };
  const left = Math.round(expiresAt - Date.now() / 1_000);
  if (left <= 0) return { state: "problem", says: `from ${source}: ran out ${-left} s ago. Get a new one` };
  if (left < SOON_SECONDS) return { state: "warning", says: `from ${source}: runs out in ${left} s. Get a new one` };
  return { state: "ok", says: `from ${source}, good until ${new Date(expiresAt * 1_000).toISOString()}` };
}

/** The last moment that a date can name, in epoch seconds. */
const LAST_SECOND = 8.64e12;

/** When a JWT runs out, in epoch seconds. Undefined for any other token. The signature is the API's to check. */
function expiryOf(token: string): number | undefined {
  const [, claims = ""] = token.split(".");
  try {
    const { exp }: { exp?: unknown } = JSON.parse(Buffer.from(claims, "base64url").toString("utf8"));
    return typeof exp === "number" && Math.abs(exp) <= LAST_SECOND ? exp : undefined;
  } catch {
    return undefined;
  }
}
