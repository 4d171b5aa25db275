import { CfnOutput, Duration, RemovalPolicy, Stack, Validations } from "aws-cdk-lib";
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { Rule, RuleTargetInput } from "aws-cdk-lib/aws-events";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { ENV } from "../functions/contracts/environment.ts";
import { eventsTopic, pullsTopic } from "../functions/contracts/github.ts";
import { EVENT_SOURCE } from "../functions/contracts/lifecycle-event.ts";
import type { GitHubAppConfig } from "../functions/contracts/queues.ts";
import { LambdaFunction } from "./constructs/lambda-function.ts";
import { OwnedTable } from "./constructs/owned-table.ts";
import { everyMinute } from "./constructs/schedule.ts";
import { Topic } from "./constructs/topic.ts";
import type { GatewayStack } from "./gateway-stack.ts";
import type { Settings } from "./settings.ts";

/** The path of GitHub's webhooks. */
const WEBHOOK_PATH = "/github/webhook";

/** A message that meets a limit of GitHub comes back as soon as the limit ends; the hourly limit may take hours to clear a backlog. */
const PULLS_RECEIVES = 500;

/**
 * The GitHub App: lands pull requests by comments and labels, and shows on GitHub where they stand. A client of the gateway's API with an
 * identity of its own, and a subscriber of lifecycle events.
 */
export class GithubStack extends Stack {
  readonly #settings: Settings;
  readonly #app: GitHubAppConfig;

  constructor(scope: Construct, settings: Settings, app: GitHubAppConfig, gateway: GatewayStack) {
    super(scope, "Github", {
      stackName: "submitqueue-github",
      description: "Submitqueue: the GitHub App",
    });
    this.#settings = settings;
    this.#app = app;
    const table = new OwnedTable(this, "PullsTable", "pulls", settings);
    const pulls = new Topic(this, "Pulls", {
      name: pullsTopic.name,
      kind: "fifo",
      consumerTimeout: Duration.seconds(60),
      maxReceives: PULLS_RECEIVES,
      settings,
    });
    const events = new Topic(this, "Events", {
      name: eventsTopic.name,
      kind: "standard",
      consumerTimeout: Duration.seconds(30),
      settings,
    });

    const webhook = this.#function("Webhook", "webhook", Duration.seconds(9));
    webhook.sendsTo(pulls, ENV.pullsTopic);
    table.grant(webhook, ENV.pullsTable, "Query");
    this.#hooksInto(webhook);

    const commands = this.#function("Commands", "commands", pulls.consumerTimeout);
    table.grant(commands, ENV.pullsTable, "DeleteItem", "GetItem", "PutItem", "UpdateItem");
    commands.consumes(pulls, { maxConcurrency: 10, batchSize: 1 });
    commands.addEnvironment(ENV.pullsTopic, pulls.main.queueUrl);
    commands.allow([pulls.main.queueArn], "sqs:ChangeMessageVisibility");
    commands.addEnvironment(ENV.gatewayUrl, gateway.edge.url);
    gateway.edge.calledBy(commands);

    const report = this.#function("Report", "report", events.consumerTimeout, false);
    table.grant(report, ENV.pullsTable, "GetItem");
    report.sendsTo(pulls, ENV.pullsTopic);
    report.consumes(events, { maxConcurrency: 10 });
    new Rule(this, "LifecycleEvents", {
      description: "Lifecycle events, for the pull requests that they are about",
      eventBus: gateway.events,
      eventPattern: { source: [EVENT_SOURCE] },
      targets: [new SqsQueue(events.main, { message: RuleTargetInput.fromEventPath("$.detail") })],
    });

    const reconcile = this.#function("Reconcile", "reconcile", Duration.seconds(50));
    table.grant(reconcile, ENV.pullsTable, "Query");
    reconcile.sendsTo(pulls, ENV.pullsTopic);
    everyMinute(reconcile);
  }

  /** `app`: it speaks to GitHub, or checks GitHub's signatures. */
  #function(id: string, name: string, timeout: Duration, app = true): LambdaFunction {
    const fn = new LambdaFunction(this, id, { name: `github/${name}`, timeout, queues: app, settings: this.#settings });
    if (app) fn.readsSecrets([this.#app.secret]);
    return fn;
  }

  /** GitHub can't sign for IAM: the function checks the signature of every delivery itself. */
  #hooksInto(webhook: LambdaFunction): void {
    const http = new HttpApi(this, "Hooks", { apiName: "submitqueue-github", createDefaultStage: false });
    http.addRoutes({
      path: WEBHOOK_PATH,
      methods: [HttpMethod.POST],
      integration: new HttpLambdaIntegration("Integration", webhook.lambda),
    });
    const stage = new HttpStage(this, "Stage", {
      httpApi: http,
      stageName: "$default",
      autoDeploy: true,
      throttle: { rateLimit: 100, burstLimit: 500 },
      accessLogSettings: {
        destination: new LogGroupLogDestination(
          new LogGroup(this, "AccessLog", {
            retention: RetentionDays.THREE_MONTHS,
            removalPolicy: RemovalPolicy.DESTROY,
          }),
        ),
      },
    });
    Validations.of(this).acknowledge({
      id: "AwsSolutions-APIG4",
      reason: "GitHub signs its webhooks with the App's secret, and the function checks the signature.",
    });
    new CfnOutput(this, "WebhookUrl", {
      value: `${stage.url}${WEBHOOK_PATH.slice(1)}`,
      description: "Where GitHub sends the App's webhooks",
    }).overrideLogicalId("WebhookUrl");
  }
}
