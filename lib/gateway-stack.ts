import { Duration, Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { ENV } from "../functions/contracts/environment.ts";
import type { PageAccess } from "../functions/contracts/page.ts";
import { HttpEdge } from "./constructs/http-edge.ts";
import { LambdaFunction } from "./constructs/lambda-function.ts";
import { OwnedTable } from "./constructs/owned-table.ts";
import { everyMinute } from "./constructs/schedule.ts";
import type { Topic } from "./constructs/topic.ts";
import type { TopicName } from "./ownership.ts";
import type { Settings } from "./settings.ts";

/** Where the page can't make calls of its own, `submitqueue ui` makes them for it. */
const pageAccessOf = ({ apiAuth }: Settings): PageAccess => ({ auth: apiAuth === "none" ? "open" : "iam" });

/** The HTTP API, and the request log behind it: the append-only log table, and the view of it that answers questions. */
export class GatewayStack extends Stack {
  constructor(scope: Construct, settings: Settings, topics: Readonly<Record<TopicName, Topic>>) {
    super(scope, "Gateway", {
      stackName: "submitqueue-gateway",
      description: "Submitqueue: the HTTP API and the request log",
    });
    const log = new OwnedTable(this, "LogTable", "log", settings);
    const view = new OwnedTable(this, "ViewTable", "view", settings);

    const api = new LambdaFunction(this, "Api", {
      name: "gateway/api",
      timeout: Duration.seconds(15),
      queues: true,
      page: true,
      settings,
    });
    api.addEnvironment(ENV.version, settings.version);
    api.addEnvironment(ENV.pageAccess, JSON.stringify(pageAccessOf(settings)));
    log.grant(api, ENV.logTable, "BatchWriteItem", "Query");
    view.grant(api, ENV.viewTable, "BatchGetItem", "BatchWriteItem", "GetItem", "PutItem", "Query", "UpdateItem");
    api.sendsTo(topics.requests, ENV.requestsTopic);
    new HttpEdge(this, "Http", api, settings);

    const consumer = new LambdaFunction(this, "Log", {
      name: "gateway/log",
      timeout: topics.log.consumerTimeout,
      settings,
    });
    log.grant(consumer, ENV.logTable, "BatchWriteItem", "Query");
    view.grant(consumer, ENV.viewTable, "BatchGetItem", "GetItem", "PutItem", "UpdateItem");
    consumer.consumes(topics.log, { maxConcurrency: 20 });

    const sweep = new LambdaFunction(this, "Sweep", {
      name: "gateway/sweep",
      timeout: Duration.seconds(50),
      queues: true,
      settings,
    });
    log.grant(sweep, ENV.logTable, "BatchWriteItem");
    view.grant(sweep, ENV.viewTable, "BatchGetItem", "BatchWriteItem", "DeleteItem", "PutItem", "Query");
    sweep.sendsTo(topics.requests, ENV.requestsTopic);
    everyMinute(sweep);
  }
}
