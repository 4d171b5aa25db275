import { buildsStore } from "../../../adapters/dynamodb/builds-store.ts";
import { need } from "../../../adapters/settings.ts";
import { send } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { looksTopic } from "../../../contracts/messages/look-messages.ts";
import { lookForStopIn, MOST_STOP_LOOKS } from "../../../domain/look-again.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { queueHandler } from "../../queue.ts";
import { lookerOf, waitFor } from "./look.ts";
import { reporterOf } from "./report-end.ts";

/**
 * Consumes the looks topic: looks at a build that may have ended or is to stop, and tells the planner at once when it has ended. The
 * workflow of the build learns of it at its next poll. One call for a build that is not known or was reported, and those of a look; two
 * more when the build has ended.
 */
export const wire: Wire = (env, clients) => {
  const builds = buildsStore(clients.dynamodb, need(env, ENV.buildsTable));
  const [look, report] = [lookerOf(env, clients), reporterOf(env, clients)];
  const looks = need(env, ENV.looksTopic);
  return queueHandler(
    { topic: looksTopic, clients, deadLetters: need(env, ENV.deadLetters) },
    async ({ buildKey, waits }) => {
      const build = await builds.get(buildKey);
      if (build === undefined || build.reported) return;
      const seen = await look(build);
      if (seen.kind === "finished") {
        await report(build, seen);
        await builds.note(buildKey, { reported: true });
      } else if (waits !== undefined && waits < MOST_STOP_LOOKS && build.stop !== undefined)
        await send(clients.sqs, looks, looksTopic, waitFor(build, waits + 1), lookForStopIn(waits + 1));
    },
  );
};

export const handler = onLambda(wire);
