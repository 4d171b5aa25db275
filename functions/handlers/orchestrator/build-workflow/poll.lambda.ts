import { buildsStore } from "../../../adapters/dynamodb/builds-store.ts";
import { need } from "../../../adapters/settings.ts";
import { ENV } from "../../../contracts/environment.ts";
import { type BuildSeen, PollTask } from "../../../contracts/workflows.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { taskHandler } from "../../task.ts";
import { reasonOf } from "../reasons.ts";
import { lookerOf } from "./look.ts";

/** Looks at the build, for when its CI system does not report, or a report is lost. */
export const wire: Wire = (env, clients) => {
  const builds = buildsStore(clients.dynamodb, need(env, ENV.buildsTable));
  const look = lookerOf(env, clients);
  return taskHandler(PollTask, async ({ buildKey }): Promise<BuildSeen> => {
    const build = await builds.get(buildKey);
    if (build !== undefined) return look(build);
    const reason = reasonOf("build.infrastructure", "No build runner was ever asked for this build.");
    return { kind: "finished", verdict: { kind: "infrastructure", reason } };
  });
};

export const handler = onLambda(wire);
