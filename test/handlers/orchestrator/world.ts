import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import {
  DescribeExecutionCommand,
  type ExecutionStatus,
  ListExecutionsCommand,
  type SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { SendMessageBatchCommand, SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { pino } from "pino";
import type * as z from "zod";
import type { Clients, CodeBuildClients } from "../../../functions/adapters/aws-clients.ts";
import { type BatchesStore, batchesStore } from "../../../functions/adapters/dynamodb/batches-store.ts";
import { type BuildsStore, buildsStore } from "../../../functions/adapters/dynamodb/builds-store.ts";
import { type ClaimsStore, claimsStore } from "../../../functions/adapters/dynamodb/claims-store.ts";
import { type RequestsStore, requestsStore } from "../../../functions/adapters/dynamodb/requests-store.ts";
import { ChangeUri } from "../../../functions/contracts/change-uri.ts";
import { ENV } from "../../../functions/contracts/environment.ts";
import { QueueName, RequestNumber, type Sqid, sqidOf } from "../../../functions/contracts/ids.ts";
import { type LogEvent, LogEvent as LogEventSchema } from "../../../functions/contracts/log-event.ts";
import { LandBatch } from "../../../functions/contracts/messages/landing-messages.ts";
import { LogMessage } from "../../../functions/contracts/messages/log-messages.ts";
import type { Cancel, Land } from "../../../functions/contracts/messages/request-messages.ts";
import type { InspectResult } from "../../../functions/contracts/messages/runway-tasks.ts";
import { Signal } from "../../../functions/contracts/messages/signals.ts";
import { QueuesConfig } from "../../../functions/contracts/queues.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import type { LambdaContext, Wire } from "../../../functions/handlers/on-lambda.ts";
import { wire as ready } from "../../../functions/handlers/orchestrator/admit-workflow/ready.lambda.ts";
import { wire as validate } from "../../../functions/handlers/orchestrator/admit-workflow/validate.lambda.ts";
import { wire as inspect } from "../../../functions/handlers/runway/inspect.lambda.ts";
import { screenMessages } from "../../../localstack/embedded/limits/sqs.ts";
import { checkStart } from "../../../localstack/embedded/limits/states.ts";
import type { Dynalite } from "../../support/dynalite.ts";

export const QUEUE = QueueName.parse("main");
export const START = 1_800_000_000_000;
const CONTEXT = {} as LambdaContext;

export const sqid = (n: number): Sqid => sqidOf(QUEUE, RequestNumber.parse(n));

/** A change of its own branch; `query` carries markers for the fakes, `commit` is a hex digit. */
export const change = (name: string, query = "", commit = "a"): ChangeUri =>
  ChangeUri.parse(`git://git.example/shop/refs%2Fheads%2F${name}/${commit.repeat(40)}${query && `?${query}`}`);

export const aLand = (n: number, overrides: Partial<Land> = {}): Land => ({
  v: 1,
  kind: "land",
  queue: QUEUE,
  sqid: sqid(n),
  changes: [change(`change-${n}`)],
  strategy: "REBASE",
  receivedAt: epochMs(START),
  ...overrides,
});

export const aCancel = (n: number, note?: string): Cancel => ({
  v: 1,
  kind: "cancel",
  queue: QUEUE,
  sqid: sqid(n),
  at: epochMs(START),
  ...(note === undefined ? {} : { note }),
});

export interface Sent {
  readonly body: string;
  readonly group?: string | undefined;
  readonly dedup?: string | undefined;
  /** In seconds. */
  readonly delay?: number | undefined;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Execution {
  readonly workflow: string;
  readonly name: string;
  readonly input: unknown;
  status: ExecutionStatus;
  output?: unknown;
  stoppedAt?: number;
}

/** When to die: at the nth call of any client, before or after it took effect. Everything fails from then on, until `revive`. */
export interface Death {
  readonly at: number;
  readonly moment: "before" | "after";
}

let worlds = 0;

/** The orchestrator's surroundings: tables in dynalite, topics and workflows as plain lists, a clock that moves when told, and death at will. */
export class World {
  readonly sent = new Map<string, Sent[]>();
  readonly executions = new Map<string, Execution>();
  readonly requests: RequestsStore;
  readonly claims: ClaimsStore;
  readonly batches: BatchesStore;
  readonly builds: BuildsStore;
  readonly env: Record<string, string>;
  clients: Clients;
  readonly directory = mkdtempSync(join(tmpdir(), "orchestrator-"));
  now = START;
  calls = 0;
  /** What was called, oldest first. */
  readonly trace: string[] = [];
  death: Death | undefined;
  /** The name of the call that the last death was at. Undefined when there were fewer calls. */
  diedAt: string | undefined;
  /** What AWS answers to a call instead of carrying it out; undefined: it is carried out. */
  refuses: (command: object) => Error | undefined = () => undefined;
  /** True for the body of a message that SQS refuses for good within a batch call. */
  refusesBody: (body: string) => boolean = () => false;
  dead = false;
  #nonce = 0;
  readonly #seen = new Map<string, number>();

  private constructor(dynalite: Dynalite, name: string) {
    const table = (of: string) => `${name}-${of}`;
    this.requests = requestsStore(dynalite.client, table("requests"));
    this.claims = claimsStore(dynalite.client, table("claims"));
    this.batches = batchesStore(dynalite.client, table("batches"));
    this.builds = buildsStore(dynalite.client, table("builds"));
    this.env = {
      [ENV.queuesFile]: join(this.directory, "queues.json"),
      [ENV.requestsTable]: table("requests"),
      [ENV.claimsTable]: table("claims"),
      [ENV.batchesTable]: table("batches"),
      [ENV.buildsTable]: table("builds"),
      [ENV.payloadsTable]: table("payloads"),
      [ENV.signalsTopic]: "signals.fifo",
      [ENV.mergesTopic]: "merges.fifo",
      [ENV.logTopic]: "log",
      [ENV.looksTopic]: "looks",
      [ENV.deadLetters]: "dead.fifo",
      [ENV.admitWorkflow]: "arn:aws:states:eu-west-1:1:stateMachine:admit",
      [ENV.askWorkflow]: "arn:aws:states:eu-west-1:1:stateMachine:ask",
      [ENV.buildWorkflow]: "arn:aws:states:eu-west-1:1:stateMachine:build",
      [ENV.workDirectory]: this.directory,
    };
    this.clients = {
      dynamodb: this.#mortal(dynalite.client),
      sqs: this.#mortal({ send: async (command: unknown) => this.#queue(command) } as unknown as SQSClient),
      sfn: this.#mortal({ send: async (command: unknown) => this.#workflow(command) } as unknown as SFNClient),
      secrets: new SecretsManagerClient({ region: "eu-west-1" }),
      events: new EventBridgeClient({ region: "eu-west-1" }),
      log: pino({ level: "silent" }),
      now: () => epochMs(this.now),
      nonce: () => `nonce-${++this.#nonce}`,
    };
    this.configure({});
  }

  static async open(dynalite: Dynalite): Promise<World> {
    const name = `world${++worlds}`;
    await dynalite.create(...["requests", "claims", "batches", "builds", "payloads"].map((of) => `${name}-${of}`));
    return new World(dynalite, name);
  }

  /** The stores as handlers have them: their calls are counted, and die. The others are the test's own eyes. */
  mortalStores() {
    const { dynamodb } = this.clients;
    return {
      requests: requestsStore(dynamodb, this.env[ENV.requestsTable] ?? ""),
      claims: claimsStore(dynamodb, this.env[ENV.claimsTable] ?? ""),
      batches: batchesStore(dynamodb, this.env[ENV.batchesTable] ?? ""),
    };
  }

  /** Gives handlers a CodeBuild. Its calls are counted, and die, as those of the other clients do. */
  bring({ codebuild, logs }: CodeBuildClients): void {
    this.clients = { ...this.clients, codebuild: { codebuild: this.#mortal(codebuild), logs: this.#mortal(logs) } };
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Sets the one queue's configuration, over defaults that use the fakes. */
  configure(overrides: Record<string, unknown>, name: string = QUEUE): void {
    const queue = {
      name,
      repository: { remote: "https://git.example/shop" },
      changeProvider: { type: "fake" },
      buildRunner: { type: "fake", timeoutSeconds: 600, pollSeconds: 5 },
      ...overrides,
    };
    writeFileSync(this.env[ENV.queuesFile] ?? "", JSON.stringify(QueuesConfig.parse({ queues: [queue] })));
  }

  /** Calls a handler, wired anew as after a cold start. */
  call(wire: Wire, event: unknown): Promise<unknown> {
    return wire(this.env, this.clients)(event, CONTEXT);
  }

  /** Has runway inspect the request, and validates it with what was found. A refusal of runway's is answered as it is. */
  async inspectAndValidate(land: Land): Promise<unknown> {
    const step = (await this.call(inspect, land)) as InspectResult;
    return step.kind === "refused" ? step : this.call(validate, { ...land, started: { at: START }, step });
  }

  /** Has the request inspected, validated and marked as ready, as its workflow does. Answers what the last step answered. */
  async makeReady(land: Land): Promise<unknown> {
    return this.call(ready, { ...land, step: await this.inspectAndValidate(land) });
  }

  /** Delivers messages to a consumer as one batch, each in the group of its queue; returns the ids that it gave back. */
  async deliver(wire: Wire, ...messages: readonly unknown[]): Promise<readonly string[]> {
    const Records = messages.map((message, index) => ({
      messageId: `m${index}`,
      body: typeof message === "string" ? message : JSON.stringify(message),
      attributes: { MessageGroupId: "group", MessageDeduplicationId: `d${index}` },
    }));
    const answer = (await this.call(wire, { Records })) as { batchItemFailures: { itemIdentifier: string }[] };
    return answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  }

  messages<T>(topic: string, schema: z.ZodType<T>): readonly T[] {
    return (this.sent.get(topic) ?? []).map(({ body }) => schema.parse(JSON.parse(body)));
  }
  get signals(): readonly Signal[] {
    return this.messages("signals.fifo", Signal);
  }
  get merges(): readonly LandBatch[] {
    return this.messages("merges.fifo", LandBatch);
  }
  /** Each entry once: the gateway absorbs repeats by id. Without what was told of the trunk. */
  get log(): readonly LogEvent[] {
    const entries = this.messages("log", LogMessage).flatMap((message) => {
      const entry = LogEventSchema.safeParse(message);
      return entry.success ? [entry.data] : [];
    });
    return [...new Map(entries.map((event) => [event.id, event])).values()];
  }
  logOf(n: number): readonly string[] {
    return this.log
      .filter((event) => event.sqid === sqid(n))
      .map((event) => (event.kind === "status" ? event.status : event.event));
  }
  get dead_letters(): readonly Sent[] {
    return this.sent.get("dead.fifo") ?? [];
  }

  dieAt(death: Death): void {
    this.death = death;
    this.diedAt = undefined;
    this.calls = 0;
  }

  revive(): void {
    this.death = undefined;
    this.dead = false;
  }

  /** The same client, whose calls are counted and end when their time has come. */
  #mortal<C extends { send: (...args: never[]) => unknown }>(client: C): C {
    return new Proxy(client, {
      get: (target, property, receiver) => {
        if (property !== "send") return Reflect.get(target, property, receiver);
        return async (command: object) => {
          this.calls += 1;
          this.trace.push(command.constructor.name);
          const due = this.calls === this.death?.at;
          if (due) this.diedAt = command.constructor.name;
          if (due && this.death?.moment === "before") this.dead = true;
          if (this.dead) throw Object.assign(new Error("died"), { name: "TimeoutError" });
          const refusal = this.refuses(command);
          if (refusal !== undefined) throw refusal;
          if (command instanceof SendMessageCommand) screenMessages("SendMessage", { ...command.input });
          if (command instanceof SendMessageBatchCommand) screenMessages("SendMessageBatch", { ...command.input });
          const answer = await (target.send as (command: object) => unknown).call(target, command);
          if (due) this.dead = true;
          if (this.dead) throw Object.assign(new Error("died"), { name: "TimeoutError" });
          return answer;
        };
      },
    });
  }

  #queue(command: unknown): unknown {
    if (command instanceof SendMessageBatchCommand) {
      const [refused, taken] = [true, false].map((is) =>
        (command.input.Entries ?? []).filter(({ MessageBody = "" }) => this.refusesBody(MessageBody) === is),
      );
      for (const entry of taken ?? []) this.#accept(command.input.QueueUrl, entry);
      return { Failed: refused?.map(({ Id }) => ({ Id, SenderFault: true, Code: "InvalidMessageContents" })) };
    }
    if (command instanceof SendMessageCommand) this.#accept(command.input.QueueUrl, command.input);
    return {};
  }

  #accept(url = "", message: Omit<SendMessageCommand["input"], "QueueUrl">): void {
    const { MessageBody: body = "", MessageGroupId: group, MessageDeduplicationId: dedup, MessageAttributes } = message;
    const { DelaySeconds: delay } = message;
    const seenAt = this.#seen.get(`${url} ${dedup}`);
    if (url.endsWith(".fifo") && seenAt !== undefined && this.now - seenAt < 300_000) return;
    this.#seen.set(`${url} ${dedup}`, this.now);
    const attributes = Object.fromEntries(
      Object.entries(MessageAttributes ?? {}).map(([key, { StringValue = "" }]) => [key, StringValue]),
    );
    this.sent.set(url, [...(this.sent.get(url) ?? []), { body, group, dedup, delay, attributes }]);
  }

  #workflow(command: unknown): unknown {
    if (command instanceof StartExecutionCommand) {
      const { stateMachineArn: workflow = "", name = "", input = "null" } = command.input;
      checkStart(name, input);
      const arn = `${workflow.replace(":stateMachine:", ":execution:")}:${name}`;
      const found = this.executions.get(arn);
      if (found && (found.status !== "RUNNING" || JSON.stringify(found.input) !== input))
        throw Object.assign(new Error(name), { name: "ExecutionAlreadyExists" });
      if (!found) this.executions.set(arn, { workflow, name, input: JSON.parse(input), status: "RUNNING" });
      return { executionArn: arn };
    }
    if (command instanceof DescribeExecutionCommand) {
      const found = this.executions.get(command.input.executionArn ?? "");
      if (!found) throw Object.assign(new Error("unknown"), { name: "ExecutionDoesNotExist" });
      const { status, input, output } = found;
      const failed = status === "FAILED" ? { error: "internal", cause: "it broke" } : {};
      return { status, input: JSON.stringify(input), output: JSON.stringify(output), ...failed };
    }
    if (command instanceof ListExecutionsCommand) {
      const { stateMachineArn, statusFilter } = command.input;
      const executions = [...this.executions]
        .filter(([, { workflow, status }]) => workflow === stateMachineArn && status === statusFilter)
        .map(([executionArn, { stoppedAt = this.now }]) => ({ executionArn, stopDate: new Date(stoppedAt) }));
      return { executions };
    }
    return {};
  }
}
