import { type CfnResource, Duration, RemovalPolicy } from "aws-cdk-lib";
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption, type QueueProps } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { AWS_LIMITS } from "../../functions/contracts/limits.ts";
import { METADATA, type Settings } from "../settings.ts";
import { ALARM_PERIOD, raiseAlarm } from "./alarm.ts";

/** A message that was received this often without being taken goes to the dead-letter queue. */
export const MAX_RECEIVES = 5;

/** Lambda's rule: a message stays invisible for six times as long as its consumer may run, so that retries of a batch fit in. */
const visibilityFor = (consumerTimeout: Duration): Duration => Duration.seconds(consumerTimeout.toSeconds() * 6);

export interface TopicProps {
  readonly name: string;
  readonly kind: "fifo" | "standard";
  /** How long its consumer may run. */
  readonly consumerTimeout: Duration;
  readonly settings: Settings;
  /** How often a message may be received without being taken. Default: MAX_RECEIVES. */
  readonly maxReceives?: number;
}

/** A queue of messages with its dead-letter queue and the alarms that watch both: no queue exists without all of them. */
export class Topic extends Construct {
  readonly topicName: string;
  readonly main: Queue;
  readonly dead: Queue;
  readonly consumerTimeout: Duration;

  constructor(
    scope: Construct,
    id: string,
    { name, kind, consumerTimeout, settings, maxReceives = MAX_RECEIVES }: TopicProps,
  ) {
    super(scope, id);
    this.topicName = name;
    this.consumerTimeout = consumerTimeout;
    const common: QueueProps = {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      maxMessageSizeBytes: AWS_LIMITS.messageBytes,
      removalPolicy: RemovalPolicy.DESTROY,
      ...(kind === "fifo"
        ? {
            fifo: true,
            deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
            fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
          }
        : {}),
    };
    const suffix = kind === "fifo" ? ".fifo" : "";
    this.dead = new Queue(this, "Dead", {
      ...common,
      queueName: `submitqueue-${name}-dead${suffix}`,
      // What was sent without a deduplication id is still worth keeping.
      ...(kind === "fifo" ? { contentBasedDeduplication: true } : {}),
    });
    this.main = new Queue(this, "Main", {
      ...common,
      queueName: `submitqueue-${name}${suffix}`,
      visibilityTimeout: visibilityFor(consumerTimeout),
      deadLetterQueue: { queue: this.dead, maxReceiveCount: maxReceives },
    });
    (this.main.node.defaultChild as CfnResource).addMetadata(METADATA.topic, name);
    (this.dead.node.defaultChild as CfnResource).addMetadata(METADATA.deadLettersOf, name);
    this.#watch(settings);
  }

  #watch(settings: Settings): void {
    raiseAlarm(this, "DeadLetters", settings, {
      metric: this.dead.metricApproximateNumberOfMessagesVisible({ period: ALARM_PERIOD, statistic: "Maximum" }),
      threshold: 1,
      what: `Messages of ${this.topicName} were given up.`,
      page: "dead-letters",
    });
    raiseAlarm(this, "Stuck", settings, {
      metric: this.main.metricApproximateAgeOfOldestMessage({ period: ALARM_PERIOD, statistic: "Maximum" }),
      threshold: Duration.hours(1).toSeconds(),
      what: `A message of ${this.topicName} has been waiting for an hour.`,
      page: "stuck-topics",
    });
  }
}
