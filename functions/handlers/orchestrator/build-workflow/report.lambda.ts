import type { SignalOf } from "../../../contracts/messages/signals.ts";
import { ReportTask } from "../../../contracts/workflows.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { taskHandler } from "../../task.ts";
import { reporterOf } from "./report-end.ts";
import { endOf } from "./verdict.ts";

/** Tells the planner how the build came out, unless `look` has told that. Answers the signal, so that sweep can send it again. */
export const wire: Wire = (env, clients) => {
  const report = reporterOf(env, clients);
  return taskHandler(ReportTask, (task): Promise<SignalOf<"build-finished">> => report(task, endOf(task)));
};

export const handler = onLambda(wire);
