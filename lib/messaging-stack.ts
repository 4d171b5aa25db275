import { Duration, Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { Topic } from "./constructs/topic.ts";
import type { TopicName } from "./ownership.ts";
import type { Settings } from "./settings.ts";

/** A landing comes back a minute after it was held back (LEASE_SECONDS): a repository may be away for an hour. */
export const MERGE_RECEIVES = 60;

/** The topics of the github stack are its own. */
export type SharedTopic = Exclude<TopicName, "pulls" | "events">;

/** A message of the log comes back every three minutes: the event bus may be away for three hours. */
export const LOG_RECEIVES = 60;

/** The topics: all that gateway, orchestrator and runway share, and owned by none of them. */
export class MessagingStack extends Stack {
  readonly topics: Readonly<Record<SharedTopic, Topic>>;

  constructor(scope: Construct, settings: Settings) {
    super(scope, "Messaging", {
      stackName: "submitqueue-messaging",
      description: "Submitqueue: the topics between gateway, orchestrator and runway",
    });
    const topic = (
      id: string,
      name: SharedTopic,
      kind: "fifo" | "standard",
      consumerTimeout: Duration,
      maxReceives?: number,
    ) => new Topic(this, id, { name, kind, consumerTimeout, settings, ...(maxReceives ? { maxReceives } : {}) });
    this.topics = {
      requests: topic("Requests", "requests", "fifo", Duration.seconds(30)),
      signals: topic("Signals", "signals", "fifo", Duration.seconds(30)),
      merges: topic("Merges", "merges", "fifo", Duration.minutes(5), MERGE_RECEIVES),
      looks: topic("Looks", "looks", "standard", Duration.seconds(60)),
      log: topic("Log", "log", "standard", Duration.seconds(30), LOG_RECEIVES),
    };
  }
}
