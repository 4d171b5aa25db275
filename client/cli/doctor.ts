import { Command } from "commander";
import { ApiError } from "../api-error.ts";
import { git } from "./git.ts";
import type { Run } from "./requests.ts";
import type { Session } from "./session.ts";
import { styled } from "./terminal.ts";

/** The result of one check. `says` tells how to mend a wrong one. A check is `skipped` when an earlier check that it needs is wrong. */
export interface Finding {
  readonly check: string;
  readonly state: "fine" | "wrong" | "skipped";
  readonly says: string;
}

/** More, and times in lists and histories mislead. */
const MOST_SKEW_MS = 30_000;

export const doctorCommand = (run: Run): Command =>
  new Command("doctor")
    .description("check what the other commands need: git, the API, the clock, the queue")
    .action(() =>
      run(async (session) => {
        const findings = await examine(session);
        session.show(findings, () => findingsText(session, findings));
        return findings.every(({ state }) => state === "fine") ? 0 : 1;
      }),
    );

async function examine(session: Session): Promise<readonly Finding[]> {
  const version = await git("--version");
  const findings: Finding[] = [
    version === undefined
      ? { check: "git", state: "wrong", says: "git does not run: install git" }
      : { check: "git", state: "fine", says: version },
  ];
  const ping = await session.client.ping().catch((error: unknown) => error);
  if (ping instanceof Error) {
    if (!(ping instanceof ApiError)) throw ping;
    const says = `${ping.message} (url from ${session.settings.url?.source ?? "nowhere"})`;
    findings.push({ check: "api", state: "wrong", says });
    for (const check of ["clock", "queue"]) findings.push({ check, state: "skipped", says: "needs the API" });
    return findings;
  }
  const { version: service, time } = ping as { version: string; time: string };
  findings.push({ check: "api", state: "fine", says: `${session.url} answers, version ${service}` });
  const skew = Math.abs(Date.now() - Date.parse(time));
  findings.push(
    skew > MOST_SKEW_MS
      ? { check: "clock", state: "wrong", says: `${Math.round(skew / 1000)} s away from the API's: set the clock` }
      : { check: "clock", state: "fine", says: "agrees with the API's" },
  );
  findings.push(await queueFinding(session));
  return findings;
}

async function queueFinding(session: Session): Promise<Finding> {
  try {
    const { name, mode } = await (await session.queue()).show();
    return { check: "queue", state: "fine", says: `${name} is ${mode}` };
  } catch (error) {
    return { check: "queue", state: "wrong", says: error instanceof Error ? error.message : String(error) };
  }
}

const MARKS = { fine: ["green", "✔"], wrong: ["red", "✘"], skipped: ["dim", "–"] } as const;

/** A line for each finding. */
export function findingsText({ terminal }: Pick<Session, "terminal">, findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const line = ({ check, state, says }: Finding) => {
    const [style, mark] = MARKS[state];
    return `${styled(terminal, style, mark)} ${check.padEnd(width)} ${says}`;
  };
  return findings.map(line).join("\n");
}
