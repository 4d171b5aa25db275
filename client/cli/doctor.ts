import { Command } from "commander";
import { apiFindings } from "./doctor-api.ts";
import { credentialFindings, gitFinding } from "./doctor-here.ts";
import { queueFindings } from "./doctor-queue.ts";
import { exitCodeOf, type Finding, findingsText, skipped } from "./finding.ts";
import { below } from "./help-text.ts";
import type { Run } from "./requests.ts";
import type { Session } from "./session.ts";

export const doctorCommand = (run: Run): Command =>
  new Command("doctor")
    .description("check what the other commands need, and whether the queue can build and has a large enough budget")
    .addHelpText("after", below(ABOUT))
    .action(() =>
      run(async (session) => {
        const findings = await examine(session);
        session.show(findings, () => findingsText(session, findings));
        return exitCodeOf(findings);
      }),
    );

const ABOUT = `Checks git, your credentials, the API, your rights, the clocks, the queue and its branch, the checks that its builds wait for, and its budget.

Exit code: 0 without problems, 1 with one. Warnings are no problems.`;

async function examine(session: Session): Promise<readonly Finding[]> {
  const here = [await gitFinding(), ...(await credentialFindings(session))];
  const { findings, me } = await apiFindings(session);
  if (me === undefined)
    return [
      ...here,
      ...findings,
      ...["queue", "rights", "branch", "builds", "budget"].map((check) => skipped(check, "needs the API")),
    ];
  return [...here, ...findings, ...(await queueFindings(session, me))];
}
