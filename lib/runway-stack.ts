import { Duration, Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { ENV } from "../functions/contracts/environment.ts";
import { LambdaFunction } from "./constructs/lambda-function.ts";
import type { Topic } from "./constructs/topic.ts";
import type { SharedTopic } from "./messaging-stack.ts";
import { reviewSecretsOf } from "./review-secrets.ts";
import type { Settings } from "./settings.ts";

/** The only part that reads or changes a repository. It keeps nothing: clones in a function's own storage are a cache. */
export class RunwayStack extends Stack {
  readonly inspect: LambdaFunction;
  readonly check: LambdaFunction;
  readonly compose: LambdaFunction;
  readonly land: LambdaFunction;

  constructor(scope: Construct, settings: Settings, topics: Readonly<Record<SharedTopic, Topic>>) {
    super(scope, "Runway", {
      stackName: "submitqueue-runway",
      description: "Submitqueue: what changes touch, trial merges, composed commits and landings",
    });
    const runsGit = (id: string, name: string, timeout: Duration) => {
      const fn = new LambdaFunction(this, id, { name, timeout, git: true, queues: true, settings });
      fn.readsSecrets(settings.queues.queues.map(({ repository }) => repository.tokenSecret));
      // `inspect` makes no commit.
      if (name !== "runway/inspect")
        fn.readsSecrets(settings.queues.queues.map(({ commitSigningSecret }) => commitSigningSecret));
      return fn;
    };
    this.inspect = runsGit("Inspect", "runway/inspect", Duration.minutes(5));
    this.check = runsGit("Check", "runway/check", Duration.minutes(5));
    this.compose = runsGit("Compose", "runway/compose", Duration.minutes(5));
    this.land = runsGit("Land", "runway/land", topics.merges.consumerTimeout);
    this.land.readsSecrets(reviewSecretsOf(settings.queues));
    this.land.sendsTo(topics.signals, ENV.signalsTopic);
    // One message at a time: each landing has the whole time of the function.
    this.land.consumes(topics.merges, { maxConcurrency: 20, batchSize: 1 });
    // In the embedded runtime a landing dies with the process, and its message is there again when the process is.
    if (settings.target !== "embedded") this.land.addEnvironment(ENV.mergesTopic, topics.merges.main.queueUrl);
  }
}
