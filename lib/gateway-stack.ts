import { Duration, Stack } from "aws-cdk-lib";
import { EventBus } from "aws-cdk-lib/aws-events";
import type { Construct } from "constructs";
import { ENV } from "../functions/contracts/environment.ts";
import { EVENT_BUS } from "../functions/contracts/lifecycle-event.ts";
import { HttpEdge } from "./constructs/http-edge.ts";
import { LambdaFunction } from "./constructs/lambda-function.ts";
import { OwnedTable } from "./constructs/owned-table.ts";
import { everyMinute } from "./constructs/schedule.ts";
import type { Topic } from "./constructs/topic.ts";
import type { SharedTopic } from "./messaging-stack.ts";
import { pageAccessOf } from "./page-access.ts";
import type { Settings } from "./settings.ts";

/** The HTTP API, the request log behind it (the append-only log table, and the view of it that answers questions), and the bus of events. */
export class GatewayStack extends Stack {
  /** Carries the lifecycle events of this deployment. */
  readonly events: EventBus;
  /** The API. */
  readonly edge: HttpEdge;

  constructor(scope: Construct, settings: Settings, topics: Readonly<Record<SharedTopic, Topic>>) {
    super(scope, "Gateway", {
      stackName: "submitqueue-gateway",
      description: "Submitqueue: the HTTP API and the request log",
    });
    const log = new OwnedTable(this, "LogTable", "log", settings);
    const view = new OwnedTable(this, "ViewTable", "view", settings);

    const api = new LambdaFunction(this, "Api", {
      name: "gateway/api",
      // A caller may wait for 25 seconds for a change.
      timeout: Duration.seconds(29),
      queues: true,
      page: true,
      settings,
    });
    api.addEnvironment(ENV.version, settings.version);
    api.addEnvironment(ENV.pageAccess, JSON.stringify(pageAccessOf(settings)));
    log.grant(api, ENV.logTable, "BatchWriteItem", "Query");
    view.grant(api, ENV.viewTable, "BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem");
    api.sendsTo(topics.requests, ENV.requestsTopic);
    api.sendsTo(topics.log, ENV.logTopic);
    this.edge = new HttpEdge(this, "Http", api, settings);

    const consumer = new LambdaFunction(this, "Log", {
      name: "gateway/log",
      timeout: topics.log.consumerTimeout,
      settings,
    });
    log.grant(consumer, ENV.logTable, "BatchWriteItem", "Query");
    view.grant(consumer, ENV.viewTable, "BatchGetItem", "BatchWriteItem", "GetItem", "PutItem", "UpdateItem");
    this.events = new EventBus(this, "Events", {
      eventBusName: EVENT_BUS,
      description: "Lifecycle events of submitqueue: doc/howto/events.md",
    });
    consumer.allow([this.events.eventBusArn], "events:PutEvents");
    consumer.addEnvironment(ENV.eventBus, this.events.eventBusName);
    consumer.addEnvironment(ENV.deployment, `${this.account}.${this.region}`);
    // What a request lives through within a second is folded at once: it costs a third of the calls, and is told a second later at most.
    // A landing has more than ten entries.
    consumer.consumes(topics.log, { maxConcurrency: 20, batchSize: 50, maxBatchingWindow: Duration.seconds(1) });

    const sweep = new LambdaFunction(this, "Sweep", {
      name: "gateway/sweep",
      traced: false,
      timeout: Duration.seconds(50),
      queues: true,
      settings,
    });
    log.grant(sweep, ENV.logTable, "BatchWriteItem");
    view.grant(sweep, ENV.viewTable, "BatchGetItem", "DeleteItem", "PutItem", "Query");
    sweep.sendsTo(topics.requests, ENV.requestsTopic);
    sweep.sendsTo(topics.log, ENV.logTopic);
    everyMinute(sweep);
  }
}
