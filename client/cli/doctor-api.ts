import type { Me, Ping } from "../../functions/contracts/api.ts";
import { ApiError } from "../api-error.ts";
import { type Finding, skipped } from "./finding.ts";
import type { Session } from "./session.ts";

/** More, and times in lists and histories mislead; five minutes, and signatures are refused. */
const MOST_SKEW_MS = 30_000;

/** Whether the API answers, whom it takes the caller for, and what time it has. `me` is undefined when it does not say. */
export async function apiFindings(
  session: Session,
): Promise<{ readonly findings: readonly Finding[]; readonly me: Me | undefined }> {
  const ping = await answerOf(session.client.ping());
  if (ping instanceof ApiError) {
    const isRefusal = ping.failure.kind === "refused" && [401, 403].includes(ping.failure.status);
    const url = `${session.url} (from ${session.settings.url?.source ?? "nowhere"})`;
    const says = isRefusal
      ? `${url} refuses the call: ${ping.message} Set SUBMITQUEUE_TOKEN, or log in with the aws command line`
      : `${url}: ${ping.message} Is the URL right? submitqueue config set url …`;
    return {
      findings: [{ check: "api", state: "problem", says }, ...["clock", "caller"].map(needsApi)],
      me: undefined,
    };
  }
  const found: Finding = { check: "api", state: "ok", says: `${session.url} answers, version ${ping.version}` };
  const me = await answerOf(session.client.me());
  const findings = [found, clockFinding(ping), me instanceof ApiError ? unknownCaller(me) : callerFinding(me)];
  return { findings, me: me instanceof ApiError ? undefined : me };
}

const needsApi = (check: string): Finding => skipped(check, "needs the API");

const answerOf = <T>(call: Promise<T>): Promise<T | ApiError> =>
  call.catch((error: unknown) => {
    if (error instanceof ApiError) return error;
    throw error;
  });

function clockFinding({ time }: Ping): Finding {
  const skewMs = Math.abs(Date.now() - Date.parse(time));
  return skewMs > MOST_SKEW_MS
    ? { check: "clock", state: "problem", says: `${Math.round(skewMs / 1_000)} s away from the API's: set the clock` }
    : { check: "clock", state: "ok", says: "agrees with the API's" };
}

function callerFinding({ kind, name, groups }: Me): Finding {
  if (kind === "anonymous") return { check: "caller", state: "ok", says: "the API does not ask callers who they are" };
  const member = groups.length === 0 ? "" : `, in the groups ${groups.join(", ")}`;
  return { check: "caller", state: "ok", says: `you are ${name}${member}` };
}

const unknownCaller = (error: ApiError): Finding => ({ check: "caller", state: "problem", says: error.message });
