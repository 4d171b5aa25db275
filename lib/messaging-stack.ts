import { Duration, Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { Topic, type TopicProps } from "./constructs/topic.ts";
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
    const topic = (id: string, name: SharedTopic, kind: Omit<TopicProps, "name" | "settings">) =>
      new Topic(this, id, { name, settings, ...kind });
    const consumerTimeout = Duration.seconds(30);
    this.topics = {
      requests: topic("Requests", "requests", { kind: "fifo", consumerTimeout }),
      signals: topic("Signals", "signals", { kind: "fifo", consumerTimeout }),
      merges: topic("Merges", "merges", {
        kind: "fifo",
        consumerTimeout: Duration.minutes(5),
        maxReceives: MERGE_RECEIVES,
      }),
      looks: topic("Looks", "looks", { kind: "standard", consumerTimeout: Duration.seconds(60) }),
      log: topic("Log", "log", { kind: "standard", consumerTimeout, maxReceives: LOG_RECEIVES }),
    };
  }
}
