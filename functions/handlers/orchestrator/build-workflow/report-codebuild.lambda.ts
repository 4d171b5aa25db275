import { buildsInEvent } from "../../../adapters/build-runner/codebuild-report.ts";
import { need } from "../../../adapters/settings.ts";
import { sendAll } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { looksTopic } from "../../../contracts/messages/look-messages.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { lookAt } from "./look.ts";

/**
 * Takes CodeBuild's events, which EventBridge sends: has the build looked at that an event is about. One call, none for a build that is not
 * the queue's.
 */
export const wire: Wire = (env, clients) => {
  const looks = need(env, ENV.looksTopic);
  return (event) => sendAll(clients.sqs, looks, looksTopic, buildsInEvent(event).map(lookAt));
};

export const handler = onLambda(wire);
