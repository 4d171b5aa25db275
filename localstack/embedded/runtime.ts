import { resolve } from "node:path";
import type { Logger } from "pino";
import type { Clients } from "../../functions/adapters/aws-clients.ts";
import { startProcessesBy } from "../../functions/adapters/processes.ts";
import type { QueuesConfig } from "../../functions/contracts/queues.ts";
import { ACCOUNT } from "../../lib/cloudformation/resolver.ts";
import type { Assembly } from "../../lib/cloudformation/template.ts";
import { locate, readLocatedQueues } from "../located.ts";
import { processHelper } from "../process-helper/index.ts";
import { type ApiToken, type HttpAuthorizer, tokenAuthorizer } from "./api-tokens.ts";
import { AWS_ORIGIN, clientsOf } from "./clients.ts";
import { type EventBus, openEventBus } from "./event-bus.ts";
import { type RetryDelay, startEventSource } from "./event-source.ts";
import { openExecutions } from "./executions.ts";
import { type FrontDoor, frontDoor } from "./front-door.ts";
import { type FunctionUrls, serveFunctionUrls } from "./function-urls.ts";
import { type Json, type LocalFunction, loadFunction, preloadFunctions } from "./functions.ts";
import { gatewayFetch } from "./gateway-fetch.ts";
import { serveHttpApi } from "./http-api.ts";
import { type Authorize, authorizer } from "./iam.ts";
import { logTo } from "./logs.ts";
import type { Observer } from "./observer.ts";
import { listenForOperator, type OperatorPort } from "./operator-port.ts";
import { precedence } from "./precedence.ts";
import { startSchedules } from "./schedules.ts";
import { opened, openStateDirectory, type StateDirectory } from "./state-directory.ts";
import { type Synthesizer, synthesizeApart } from "./synthesis.ts";
import { openTables } from "./tables.ts";
import { type Deployment, deploymentOf, type FunctionSpec } from "./template.ts";
import { openTopics, type Topics } from "./topics.ts";
import { openWorkflows, type RunTask } from "./workflows.ts";

export interface RuntimeOptions {
  /** The queues, or a queues.yaml: its relative remotes are relative to its directory. Not looked at when there is an assembly. */
  readonly queues?: string | QueuesConfig;
  /** What makes the app's templates. Default: a process of its own. */
  readonly synthesize?: Synthesizer;
  /** Run these templates instead of the app's. */
  readonly assembly?: Assembly;
  /** Where entries of functions are relative to. Default: this repository. */
  readonly root?: string;
  readonly stateDirectory: string;
  /** Of the HTTP API. Default 0: any. */
  readonly port?: number;
  /** Also serves the AWS command line, on a port of its own. Default false: the HTTP API alone listens. */
  readonly operatorPort?: boolean;
  /** The tokens of the HTTP API: every call has to bring one. Absent: open to every program of this machine. */
  readonly tokens?: readonly ApiToken[];
  /** Runs schedules this often, in place of their own rates. */
  readonly schedulesEveryMs?: number;
  readonly retryDelay?: RetryDelay;
  /** Is shown everything that AWS would bill. */
  readonly observer?: Observer;
  /** Keeps warnings and errors off standard error; the log files have them. */
  readonly quiet?: boolean;
}

export interface Runtime {
  /** Of the HTTP API; undefined when the templates have none. */
  readonly url: string | undefined;
  /** What the addresses of queues begin with. Nothing listens there: the clients below call in-process. */
  readonly awsEndpoint: string;
  /** Where the AWS command line is served, and the file with its address and key; undefined unless the options ask for it. */
  readonly operatorPort: { readonly url: string; readonly file: string } | undefined;
  readonly deployment: Deployment;
  /** The addresses of functions that have one, by the function's name: `orchestrator/build-workflow/report-github`. */
  readonly functionUrls: ReadonlyMap<string, string>;
  /** AWS clients that may do everything. */
  readonly operator: Clients;
  /** AWS clients with the rights of a function, which is named as in its metadata: `orchestrator/plan`. Throws when there is none. */
  clientsOf(functionId: string): Clients;
  /** Calls the functions of the rules that match an event of an AWS service. Throws what a function throws. */
  emit(event: object): Promise<void>;
  /** Calls the listener with every lifecycle event from now on. Answers a function that ends it. */
  subscribe: EventBus["subscribe"];
  /** How many messages each queue holds, by its name. */
  depths(): ReadonlyMap<string, number>;
  /** Takes no more work, finishes what is being worked on (for half a minute at most), keeps the rest for the next start. */
  stop(): Promise<void>;
}

const REPOSITORY = resolve(import.meta.dirname, "..", "..");

/** How long `stop` waits for invocations. What it cuts short is done again at the next start. */
const GRACE_MS = 30_000;

/** Runs the stacks. Throws StateInUse, StateNotPrivate and StateUnusable, and what a faulty configuration or a taken port throws. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  // Undone in reverse, also when a later step of the start fails.
  const undo = new AsyncDisposableStack();
  try {
    const runtime = await start(options, undo);
    const begun = undo.move();
    let stopping: Promise<void> | undefined;
    return {
      ...runtime,
      stop: () => {
        stopping ??= begun.disposeAsync();
        return stopping;
      },
    };
  } catch (error) {
    await undo.disposeAsync();
    throw error;
  }
}

async function start(options: RuntimeOptions, undo: AsyncDisposableStack): Promise<Omit<Runtime, "stop">> {
  // This process holds the CDK and every emulator: it would stop for each git process that it started itself.
  startProcessesBy(processHelper);
  const state = openStateDirectory(options.stateDirectory);
  undo.defer(() => state.release());
  const log = logTo(state.file("log", "runtime.log"), "runtime", options.quiet ?? false);
  const door = frontDoor();
  const assembly = options.assembly ?? (await synthesized(options, state));
  const urlOf = (name: string) => `${AWS_ORIGIN}/${ACCOUNT}/${name}`;
  const deployment = deploymentOf(assembly, urlOf);

  const tables = await opened(state, "tables", () => openTables(state.directory("tables"), deployment.tables));
  undo.defer(() => tables.close());
  const topics = await opened(state, "topics", () => openTopics(state.directory("topics"), deployment.queues, urlOf));
  undo.defer(() => topics.close());
  const executions = await opened(state, "workflows", () => openExecutions(state.file("workflows", "executions.db")));
  undo.defer(() => executions.close());

  const authorize = authorizer(deployment);
  const { apiFunction } = deployment;
  const urls = await serveFunctionUrls(deployment.functionUrls, state);
  undo.defer(() => urls.close());
  const functions = await loadFunctions(deployment, (spec) => {
    const name = spec.id.replaceAll("/", "-");
    const functionLog = logTo(state.file("log", `${name}.log`), spec.id, options.quiet ?? false);
    return {
      root: options.root ?? REPOSITORY,
      environment: localised(spec, state, urls),
      clients: {
        ...clientsOf(door, { role: spec.roleArn }, functionLog),
        gateway: gatewayFetch((event) => invokeForCaller(apiFunction ?? "", event), {
          mayCall: (resource) => authorize(spec.roleArn, { action: "execute-api:Invoke", resource }),
          // Where callers have tokens, a function is known by its name.
          authorizer: options.tokens === undefined ? {} : { lambda: { name: spec.id, groups: "" } },
        }),
      },
    };
  });
  const { observer } = options;
  const order = precedence();
  const invokeForCaller: Invoke = invoker(functions, undo, observer);
  const invoke: Invoke = (functionArn, event) => order.work(invokeForCaller(functionArn, event));
  urls.open(invoke);
  const workflows = openWorkflows(deployment.machines, executions, taskRunner(authorize, invoke), observer);
  const events = openEventBus(deployment, state.file("events.jsonl"), {
    toQueue: (arn, body) => sendTo(topics, urlOf(arn.split(":").at(-1) ?? ""), body),
    toFunction: invoke,
    log,
  });
  door.open({ tables, topics, workflows, events, authorize, log, observer });

  const sources = deployment.eventSources.map((spec) => async () => {
    await mayConsume(authorize, functionAt(functions, spec.functionArn), spec.queueArn);
    const invokeIt = (event: object) => invoke(spec.functionArn, event);
    const source = startEventSource({ spec, topics, invoke: invokeIt, log, order, delay: options.retryDelay });
    undo.defer(() => patiently(source.stop()));
  });
  const api =
    apiFunction &&
    (await serveHttpApi(options.port ?? 0, (event) => order.call(invokeForCaller(apiFunction, event)), {
      authorize: authorizerOf(options),
      bus: events,
      hooks: deployment.hooks.map((hook) => ({ ...hook, invoke: (event) => invoke(hook.functionArn, event) })),
    }));
  if (api) undo.defer(() => api.close());
  workflows.resume();
  undo.defer(() => workflows.stop());
  for (const startSource of sources) await startSource();
  const schedules = startSchedules(deployment.schedules, invoke, log, options.schedulesEveryMs);
  undo.defer(() => schedules.stop());
  return {
    url: api ? api.url : undefined,
    awsEndpoint: AWS_ORIGIN,
    operatorPort: options.operatorPort ? await operatorPort(door, state, log, undo) : undefined,
    deployment,
    functionUrls: new Map([...urls.byFunction].map(([arn, at]) => [functionAt(functions, arn).spec.id, at])),
    operator: clientsOf(door, "runtime", log),
    clientsOf: (functionId) => {
      const spec = deployment.functions.find(({ id }) => id === functionId);
      if (spec === undefined) throw new Error(`there is no function ${functionId}`);
      return clientsOf(door, { role: spec.roleArn }, log);
    },
    emit: (event) => events.emit(event),
    subscribe: (listener) => events.subscribe(listener),
    depths: () => topics.depths(),
  };
}

const authorizerOf = ({ tokens }: RuntimeOptions): HttpAuthorizer =>
  tokens === undefined ? () => ({}) : tokenAuthorizer(tokens);

async function synthesized(options: RuntimeOptions, state: StateDirectory): Promise<Assembly> {
  const { queues, tokens, synthesize = synthesizeApart } = options;
  if (queues === undefined) throw new Error("name the queues, or an assembly to run");
  const located = typeof queues === "string" ? readLocatedQueues(queues, "embedded") : locate(queues, process.cwd());
  const [assembly] = await Promise.all([
    synthesize(state, located, tokens === undefined ? "none" : "token"),
    // Meanwhile: the templates will name these functions.
    preloadFunctions(options.root ?? REPOSITORY, ["gateway", "orchestrator", "runway"]),
  ]);
  return assembly;
}

async function operatorPort({ call }: FrontDoor, state: StateDirectory, log: Logger, undo: AsyncDisposableStack) {
  const file = state.file("aws.env");
  const port: OperatorPort = await listenForOperator(call, file, log);
  undo.defer(() => port.close());
  return { url: port.url, file };
}

/** A function's own environment: what Lambda would mount, and its scratch space, are directories of the state. */
function localised(
  { id, environment }: FunctionSpec,
  state: StateDirectory,
  urls: FunctionUrls,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => {
      // Already of this state directory, which may itself be below /tmp.
      if (value.startsWith(`${state.root}/`)) return [name, value];
      if (value.startsWith("/var/task/")) return [name, value.replace("/var/task", state.task)];
      if (value.startsWith("/tmp/")) return [name, value.replace("/tmp", state.directory("tmp", id))];
      return [name, urls.localised(value)];
    }),
  );
}

/** Sends as EventBridge does: with a right of its own, and not of a role. Throws when the queue does not take it. */
async function sendTo(topics: Topics, QueueUrl: string, MessageBody: string): Promise<void> {
  const { status, body } = await topics.answer("SendMessage", { QueueUrl, MessageBody });
  if (status !== 200) throw new Error(`${QueueUrl} took no event: ${body}`);
}

type Functions = ReadonlyMap<string, LocalFunction>;
type Invoke = (functionArn: string, event: unknown) => Promise<Json>;

async function loadFunctions(
  { functions }: Deployment,
  place: (spec: FunctionSpec) => { root: string; environment: Readonly<Record<string, string>>; clients: Clients },
): Promise<Functions> {
  const loaded = functions.map(async (spec) => {
    const { root, environment, clients } = place(spec);
    return [spec.arn, await loadFunction(spec, root, environment, clients)] as const;
  });
  return new Map(await Promise.all(loaded));
}

/** Functions are named by their ARN, or by their name. */
function functionAt(functions: Functions, named: string): LocalFunction {
  const found = functions.get(named) ?? functions.values().find(({ spec }) => spec.name === named);
  if (found === undefined) throw new Error(`there is no function ${named} that runs here`);
  return found;
}

/** Invokes functions by ARN. The end of the runtime waits for what it has begun. */
function invoker(functions: Functions, undo: AsyncDisposableStack, observer: Observer | undefined): Invoke {
  const going = new Set<Promise<unknown>>();
  undo.defer(() => patiently(Promise.allSettled(going)));
  return (functionArn, event) => {
    const named = functionAt(functions, functionArn);
    const ended = observer?.invocation(named.spec.id, event);
    const invocation = named.invoke(event);
    going.add(invocation);
    return invocation.finally(() => {
      going.delete(invocation);
      ended?.();
    });
  };
}

/** Waits for something, but not for ever. */
async function patiently(awaited: Promise<unknown>): Promise<void> {
  const { promise: patience, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, GRACE_MS);
  await Promise.race([awaited, patience]);
  clearTimeout(timer);
}

/** A function that failed, as Step Functions sees it: the error's name, and its JSON as the cause. */
class TaskFailed extends Error {
  constructor(error: unknown) {
    const { name, message, stack = "" } = error instanceof Error ? error : new Error(String(error));
    super(JSON.stringify({ errorType: name, errorMessage: message, trace: stack.split("\n") }));
    this.name = name;
  }
}

const taskRunner =
  (authorize: Authorize, invoke: Invoke): RunTask =>
  async (roleArn, functionArn, input) => {
    const decision = await authorize(roleArn, { action: "lambda:InvokeFunction", resource: functionArn });
    if (!decision.allowed) {
      const refused = new Error(`${roleArn} may not invoke ${functionArn} ${decision.why}`);
      throw new TaskFailed(Object.assign(refused, { name: "Lambda.AccessDeniedException" }));
    }
    return invoke(functionArn, input).catch((error: unknown) => {
      throw new TaskFailed(error);
    });
  };

/** Lambda reads a queue with the rights of the function's role. Throws when it has none. */
async function mayConsume(authorize: Authorize, { spec }: LocalFunction, queueArn: string): Promise<void> {
  for (const action of ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]) {
    const decision = await authorize(spec.roleArn, { action, resource: queueArn });
    if (!decision.allowed) throw new Error(`${spec.id} is fed by ${queueArn}, but may not ${action} ${decision.why}`);
  }
}
