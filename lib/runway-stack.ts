import { Duration, Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { ENV } from "../functions/contracts/environment.ts";
import { LambdaFunction } from "./constructs/lambda-function.ts";
import type { Topic } from "./constructs/topic.ts";
import type { TopicName } from "./ownership.ts";
import type { Settings } from "./settings.ts";

/** The only part that changes a repository. It keeps nothing: clones in a function's own storage are a cache. */
export class RunwayStack extends Stack {
  readonly check: LambdaFunction;
  readonly compose: LambdaFunction;
  readonly land: LambdaFunction;

  constructor(scope: Construct, settings: Settings, topics: Readonly<Record<TopicName, Topic>>) {
    super(scope, "Runway", {
      stackName: "submitqueue-runway",
      description: "Submitqueue: trial merges, composed commits and landings",
    });
    const runsGit = (id: string, name: string, timeout: Duration) => {
      const fn = new LambdaFunction(this, id, { name, timeout, git: true, queues: true, settings });
      fn.readsSecretsOf(settings.queues);
      return fn;
    };
    this.check = runsGit("Check", "runway/check", Duration.minutes(5));
    this.compose = runsGit("Compose", "runway/compose", Duration.minutes(5));
    this.land = runsGit("Land", "runway/land", topics.merges.consumerTimeout);
    this.land.sendsTo(topics.signals, ENV.signalsTopic);
    this.land.consumes(topics.merges, { maxConcurrency: 20 });
  }
}
