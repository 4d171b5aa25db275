import { Command } from "commander";
import { apiFindings } from "./doctor-api.ts";
import { credentialFindings, gitFinding } from "./doctor-here.ts";
import { queueFindings } from "./doctor-queue.ts";
import { type Finding, skipped } from "./finding.ts";
import type { Run } from "./requests.ts";
import type { Session } from "./session.ts";
import { styled } from "./terminal.ts";

export const doctorCommand = (run: Run): Command =>
  new Command("doctor")
    .description("check what the other commands need, and whether the queue can build and has a large enough budget")
    .addHelpText(
      "after",
      `
Checks git, your credentials, the API, your rights, the clocks, the queue, the checks that its builds wait for, and its budget.
Exit code: 0 without problems, 1 with one. Warnings are no problems.`,
    )
    .action(() =>
      run(async (session) => {
        const findings = await examine(session);
        session.show(findings, () => findings.map((finding) => findingLine(session, finding)).join("\n"));
        return findings.some(({ state }) => state === "problem") ? 1 : 0;
      }),
    );

async function examine(session: Session): Promise<readonly Finding[]> {
  const here = [await gitFinding(), ...(await credentialFindings(session))];
  const { findings, me } = await apiFindings(session);
  if (me === undefined)
    return [
      ...here,
      ...findings,
      ...["queue", "rights", "builds", "budget"].map((check) => skipped(check, "needs the API")),
    ];
  return [...here, ...findings, ...(await queueFindings(session, me))];
}

const MARKS = { ok: ["green", "✔"], warning: ["yellow", "!"], problem: ["red", "✘"], skipped: ["dim", "–"] } as const;

function findingLine({ terminal }: Session, { check, state, says }: Finding): string {
  const [style, mark] = MARKS[state];
  return `${styled(terminal, style, mark)} ${check.padEnd(8)} ${says}`;
}
