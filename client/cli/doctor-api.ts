import type { Me, Ping } from "../../functions/contracts/api/service-views.ts";
import { ApiError } from "../api-error.ts";
import { type Finding, skipped } from "./finding.ts";
import type { Session } from "./session.ts";

/** More, and times in lists and histories mislead; five minutes, and signatures are refused. */
const MOST_SKEW_MS = 30_000;

/** Whether the API answers, whom it takes the caller for, and what time it has. `me` is undefined when it does not say. */
export async function apiFindings(
  session: Session,
): Promise<{ readonly findings: readonly Finding[]; readonly me: Me | undefined }> {
  const ping = await answerOf(session, session.client.ping());
  if (ping instanceof Error) {
    return {
      findings: [
        { check: "api", state: "problem", says: failureOf(session, ping) },
        ...["clock", "caller"].map(needsApi),
      ],
      me: undefined,
    };
  }
  const found: Finding = { check: "api", state: "ok", says: `${session.url} answers, version ${ping.version}` };
  const me = await answerOf(session, session.client.me());
  const findings = [found, clockFinding(ping), me instanceof Error ? unknownCaller(me) : callerFinding(me)];
  return { findings, me: me instanceof Error ? undefined : me };
}

/** Why the API did not answer a call, and what to do about it. */
function failureOf({ url, settings }: Session, error: Error): string {
  const place = `${url} (from ${settings.url?.source ?? "nowhere"})`;
  if (!(error instanceof ApiError)) return `${place} can't be called: ${error.message}`;
  const { failure, message } = error;
  return failure.kind === "refused" && [401, 403].includes(failure.status)
    ? `${place} refuses the call: ${message} Set SUBMITQUEUE_TOKEN, or log in with the aws command line`
    : `${place}: ${message} Is the URL right? submitqueue config set url …`;
}

const needsApi = (check: string): Finding => skipped(check, "needs the API");

/** Also what kept a call from being made, as missing AWS credentials. Throws when the command was interrupted. */
const answerOf = <T>({ interrupted }: Session, call: Promise<T>): Promise<T | Error> =>
  call.catch((error: unknown) => {
    if (error instanceof Error && !interrupted.aborted) return error;
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

const unknownCaller = (error: Error): Finding => ({ check: "caller", state: "problem", says: error.message });
