import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import { FunctionUrlAuthType } from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { ENV } from "../functions/contracts/environment.ts";
import { BuildProjects } from "./constructs/build-projects.ts";
import { LambdaFunction } from "./constructs/lambda-function.ts";
import { OwnedTable } from "./constructs/owned-table.ts";
import { everyMinute } from "./constructs/schedule.ts";
import type { Topic } from "./constructs/topic.ts";
import { Workflow } from "./constructs/workflow.ts";
import type { SharedTopic } from "./messaging-stack.ts";
import { reviewSecretsOf } from "./review-secrets.ts";
import type { RunwayStack } from "./runway-stack.ts";
import type { Settings } from "./settings.ts";
import { admitDefinition } from "./workflows/admit.ts";
import { askDefinition } from "./workflows/ask.ts";
import { buildDefinition } from "./workflows/build.ts";

/** From an accepted request to its end: the pipeline tables, the two workflows, and the planner. */
export class OrchestratorStack extends Stack {
  readonly #settings: Settings;
  readonly #topics: Readonly<Record<SharedTopic, Topic>>;
  readonly #requests: OwnedTable;
  readonly #claims: OwnedTable;
  readonly #batches: OwnedTable;
  readonly #builds: OwnedTable;
  readonly #payloads: OwnedTable;
  readonly #projects: BuildProjects;

  constructor(
    scope: Construct,
    settings: Settings,
    topics: Readonly<Record<SharedTopic, Topic>>,
    runway: Pick<RunwayStack, "inspect" | "check" | "compose" | "land">,
  ) {
    super(scope, "Orchestrator", {
      stackName: "submitqueue-orchestrator",
      description: "Submitqueue: the pipeline from an accepted request to its end",
    });
    this.#settings = settings;
    this.#topics = topics;
    this.#requests = new OwnedTable(this, "RequestsTable", "requests", settings);
    this.#claims = new OwnedTable(this, "ClaimsTable", "claims", settings);
    this.#batches = new OwnedTable(this, "BatchesTable", "batches", settings);
    this.#builds = new OwnedTable(this, "BuildsTable", "builds", settings);
    this.#payloads = new OwnedTable(this, "PayloadsTable", "payloads", settings);
    this.#projects = new BuildProjects(this, "BuildProjects", settings);
    this.#payloads.lend([runway.compose, runway.land], "GetItem");

    const admit = this.#admit(runway);
    const build = this.#build(runway.compose);
    this.#intake(admit, this.#ask(runway));
    this.#plan(build);
    this.#sweep(admit, build);
  }

  #function(id: string, name: string, timeout = Duration.seconds(30), more: { readonly traced?: boolean } = {}) {
    return new LambdaFunction(this, id, {
      ...more,
      name: `orchestrator/${name}`,
      timeout,
      queues: true,
      settings: this.#settings,
    });
  }

  #admit({ inspect, check }: Pick<RunwayStack, "inspect" | "check">): Workflow {
    const start = this.#function("Start", "admit-workflow/start");
    const validate = this.#function("Validate", "admit-workflow/validate");
    const wait = this.#function("Wait", "admit-workflow/wait");
    const review = this.#reviews();
    const ready = this.#function("Ready", "admit-workflow/ready");
    const reject = this.#function("Reject", "admit-workflow/reject");
    reject.endsWorkflow();
    this.#requests.grant(wait, ENV.requestsTable, "GetItem");
    this.#requests.grant(start, ENV.requestsTable, "GetItem", "PutItem");
    for (const fn of [validate, ready]) this.#requests.grant(fn, ENV.requestsTable, "GetItem", "UpdateItem");
    this.#requests.grant(reject, ENV.requestsTable, "GetItem", "PutItem", "UpdateItem");
    for (const fn of [validate, wait, reject]) fn.sendsTo(this.#topics.log, ENV.logTopic);
    this.#claims.grant(validate, ENV.claimsTable, "DeleteItem", "GetItem", "PutItem");
    this.#claims.grant(ready, ENV.claimsTable, "DeleteItem");
    this.#claims.grant(reject, ENV.claimsTable, "DeleteItem");
    this.#readsChecks(validate);
    this.#projects.foundBy(validate);
    ready.sendsTo(this.#topics.signals, ENV.signalsTopic);
    const { queues } = this.#settings.queues;
    const longest = Math.max(...queues.map(({ repositoryTimeoutSeconds }) => repositoryTimeoutSeconds));
    const longestReview = Math.max(
      ...queues.map(({ changeProvider }) => (changeProvider?.type === "github" ? changeProvider.waitSeconds : 0)),
    );
    const functions = { start, inspect, validate, check, wait, ready, reject };
    return new Workflow<string>(this, "Admit", {
      name: "admit",
      functions: review === undefined ? functions : { ...functions, review },
      define: (states) => admitDefinition(states, { ...functions, review }),
      // Three steps may wait for the repository or for GitHub, one after the other, and one for a review.
      timeout: Duration.seconds(3 * longest + longestReview).plus(Duration.hours(2)),
      settings: this.#settings,
    });
  }

  /** What asks GitHub about pull requests. Undefined where no queue lands any. */
  #reviews(): LambdaFunction | undefined {
    const secrets = reviewSecretsOf(this.#settings.queues);
    if (secrets.length === 0) return undefined;
    const review = this.#function("Review", "admit-workflow/review");
    this.#requests.grant(review, ENV.requestsTable, "GetItem");
    review.sendsTo(this.#topics.log, ENV.logTopic);
    review.readsSecrets(secrets);
    return review;
  }

  /** Answers the gateway's questions. It reads what admission writes, and writes nothing. */
  #ask({ inspect, check }: Pick<RunwayStack, "inspect" | "check">): Workflow {
    const answer = this.#function("Answer", "ask-workflow/answer");
    answer.endsWorkflow();
    this.#requests.grant(answer, ENV.requestsTable, "GetItem");
    this.#claims.grant(answer, ENV.claimsTable, "GetItem");
    this.#readsChecks(answer);
    this.#projects.foundBy(answer);
    answer.readsSecrets(reviewSecretsOf(this.#settings.queues));
    answer.sendsTo(this.#topics.log, ENV.logTopic);
    return new Workflow(this, "Ask", {
      name: "ask",
      functions: { inspect, check, answer },
      define: askDefinition,
      // Its two steps may take five minutes each, and are tried again.
      timeout: Duration.minutes(45),
      settings: this.#settings,
    });
  }

  #build(compose: LambdaFunction): Workflow {
    const trigger = this.#function("Trigger", "build-workflow/trigger");
    const poll = this.#function("Poll", "build-workflow/poll");
    const report = this.#function("Report", "build-workflow/report");
    report.endsWorkflow();
    const look = this.#function("Look", "build-workflow/look", this.#topics.looks.consumerTimeout);
    look.consumes(this.#topics.looks, { maxConcurrency: 10 });
    this.#builds.grant(trigger, ENV.buildsTable, "GetItem", "PutItem", "UpdateItem");
    for (const fn of [poll, look]) this.#builds.grant(fn, ENV.buildsTable, "GetItem", "UpdateItem");
    this.#payloads.grant(trigger, ENV.payloadsTable, "GetItem");
    for (const fn of [trigger, poll, look]) {
      this.#batches.grant(fn, ENV.batchesTable, "GetItem");
      fn.sendsTo(this.#topics.looks, ENV.looksTopic);
    }
    this.#runsBuildsHere(trigger, poll, look);
    for (const fn of [trigger, poll, look]) this.#readsChecks(fn);
    const projects = this.#projects;
    projects.startedBy(trigger);
    for (const fn of [trigger, poll, look]) projects.watchedBy(fn);
    projects.reportedTo(() => {
      const events = this.#function("ReportCodeBuild", "build-workflow/report-codebuild");
      events.sendsTo(this.#topics.looks, ENV.looksTopic);
      return events;
    });
    this.#takesCallbacks(trigger, poll, look);
    this.#takesDeliveries();
    trigger.sendsTo(this.#topics.log, ENV.logTopic);
    for (const fn of [report, look]) fn.sendsTo(this.#topics.signals, ENV.signalsTopic);
    const { queues } = this.#settings.queues;
    const longest = Math.max(...queues.map(({ buildRunner }) => buildRunner.timeoutSeconds));
    const repositoryWaitSeconds = Math.max(...queues.map((queue) => queue.repositoryTimeoutSeconds));
    return new Workflow(this, "Build", {
      name: "build",
      functions: { compose, trigger, poll, report },
      define: (scope, functions) => buildDefinition(scope, functions, { repositoryWaitSeconds }),
      // The runner's time-out ends a build, which may have waited as long in the CI system's queue; this one ends what went wrong beside it.
      timeout: Duration.seconds(2 * longest + 2 * repositoryWaitSeconds).plus(Duration.hours(2)),
      settings: this.#settings,
    });
  }

  /** What the queues need whose CI systems are called over HTTP and call back: at an address of its own, whose callers sign. */
  #takesCallbacks(trigger: LambdaFunction, ...watching: readonly LambdaFunction[]): void {
    const { target, queues } = this.#settings;
    const secrets = queues.queues.flatMap(({ buildRunner }) =>
      buildRunner.type === "http" ? [buildRunner.signingSecret] : [],
    );
    if (secrets.length === 0) return;
    const receiver = this.#function("ReportHttp", "build-workflow/report-http");
    const { url } = receiver.lambda.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
    trigger.addEnvironment(ENV.buildReports, url);
    this.#builds.grant(receiver, ENV.buildsTable, "GetItem", "UpdateItem");
    this.#batches.grant(receiver, ENV.batchesTable, "GetItem");
    receiver.sendsTo(this.#topics.looks, ENV.looksTopic);
    for (const fn of [trigger, ...watching, receiver]) {
      fn.readsSecrets(secrets);
      if (target === "embedded") fn.addEnvironment(ENV.loopback, "yes");
    }
  }

  /** Where GitHub tells of checks: at an address of its own, whose caller signs. */
  #takesDeliveries(): void {
    const { queues } = this.#settings.queues;
    if (!queues.some(({ buildRunner }) => buildRunner.type === "github-checks")) return;
    const receiver = this.#function("ReportGitHub", "build-workflow/report-github");
    const { url } = receiver.lambda.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
    new CfnOutput(this, "GitHubChecksWebhook", {
      value: url,
      description: "Address of a webhook for check runs, statuses and workflow runs",
    });
    this.#builds.grant(receiver, ENV.buildsTable, "GetItem");
    this.#readsChecks(receiver);
    receiver.sendsTo(this.#topics.looks, ENV.looksTopic);
  }

  /** The credentials for GitHub of the queues that wait for checks there. */
  #readsChecks(fn: LambdaFunction): void {
    const { queues } = this.#settings.queues;
    fn.readsSecrets(
      queues.flatMap(({ buildRunner, repository }) =>
        buildRunner.type === "github-checks" ? [buildRunner.credentialsSecret ?? repository.tokenSecret] : [],
      ),
    );
  }

  /** What the runners need that keep files on this machine, and that are not for AWS: fake and, under the embedded runtime, command. */
  #runsBuildsHere(trigger: LambdaFunction, ...watching: readonly LambdaFunction[]): void {
    const { target, workDirectory, queues } = this.#settings;
    if (target === "aws") return;
    for (const fn of [trigger, ...watching]) fn.addEnvironment(ENV.workDirectory, workDirectory);
    if (target !== "embedded") return;
    // The command runner checks out by itself, with the repository's token.
    const commands = queues.queues.filter(({ buildRunner }) => buildRunner.type === "command");
    trigger.readsSecrets(commands.map(({ repository }) => repository.tokenSecret));
  }

  #intake(admit: Workflow, ask: Workflow): void {
    const intake = this.#function("Intake", "intake", this.#topics.requests.consumerTimeout);
    this.#requests.grant(intake, ENV.requestsTable, "GetItem", "PutItem", "UpdateItem");
    this.#claims.grant(intake, ENV.claimsTable, "DeleteItem");
    this.#batches.grant(intake, ENV.batchesTable, "PutItem");
    intake.sendsTo(this.#topics.signals, ENV.signalsTopic);
    intake.sendsTo(this.#topics.log, ENV.logTopic);
    intake.consumes(this.#topics.requests, { maxConcurrency: 50 });
    admit.startedBy(intake, ENV.admitWorkflow);
    admit.describedTo(intake);
    ask.startedBy(intake, ENV.askWorkflow);
  }

  #plan(build: Workflow): void {
    const plan = this.#function("Plan", "plan", this.#topics.signals.consumerTimeout);
    this.#requests.grant(plan, ENV.requestsTable, "GetItem", "UpdateItem");
    this.#claims.grant(plan, ENV.claimsTable, "DeleteItem");
    this.#batches.grant(plan, ENV.batchesTable, "DeleteItem", "PutItem", "Query");
    this.#payloads.grant(plan, ENV.payloadsTable, "PutItem");
    plan.sendsTo(this.#topics.merges, ENV.mergesTopic);
    plan.sendsTo(this.#topics.log, ENV.logTopic);
    plan.sendsTo(this.#topics.looks, ENV.looksTopic);
    plan.consumes(this.#topics.signals);
    build.startedBy(plan, ENV.buildWorkflow);
  }

  #sweep(admit: Workflow, build: Workflow): void {
    const sweep = this.#function("Sweep", "sweep", Duration.seconds(50), { traced: false });
    this.#batches.grant(sweep, ENV.batchesTable, "DeleteItem", "PutItem", "Query");
    this.#requests.grant(sweep, ENV.requestsTable, "GetItem", "PutItem", "Query", "UpdateItem");
    this.#claims.grant(sweep, ENV.claimsTable, "DeleteItem");
    this.#builds.grant(sweep, ENV.buildsTable, "GetItem");
    this.#readsChecks(sweep);
    sweep.sendsTo(this.#topics.signals, ENV.signalsTopic);
    sweep.sendsTo(this.#topics.log, ENV.logTopic);
    admit.watchedBy(sweep, ENV.admitWorkflow);
    build.watchedBy(sweep, ENV.buildWorkflow);
    everyMinute(sweep);
  }
}
