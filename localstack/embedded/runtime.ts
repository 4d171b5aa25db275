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
import type { Deployment, FunctionSpec } from "./deployment.ts";
import { type EventBus, openEventBus } from "./event-bus.ts";
import type { RetryDelay } from "./event-source.ts";
import { startEventSources } from "./event-sources.ts";
import { openExecutions } from "./executions.ts";
import { type FrontDoor, frontDoor } from "./front-door.ts";
import { type FunctionUrls, serveFunctionUrls } from "./function-urls.ts";
import { preloadFunctions } from "./functions.ts";
import { gatewayFetch } from "./gateway-fetch.ts";
import { serveHttpApi } from "./http-api.ts";
import { type Authorize, authorizer } from "./iam.ts";
import { type Invoke, LocalFunctions } from "./local-functions.ts";
import { logTo } from "./logs.ts";
import type { Observer } from "./observer.ts";
import { listenForOperator, type OperatorPort } from "./operator-port.ts";
import { type Precedence, precedence } from "./precedence.ts";
import { startSchedules } from "./schedules.ts";
import { opened, openStateDirectory, type StateDirectory } from "./state-directory.ts";
import { type Synthesizer, synthesizeApart } from "./synthesis.ts";
import { openTables } from "./tables.ts";
import { taskRunner } from "./task-runner.ts";
import { deploymentOf } from "./template.ts";
import { openTopics, type Topics } from "./topics.ts";
import { openWorkflows } from "./workflows.ts";

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

/** What the parts of a runtime have in common. Made once. */
interface Base {
  readonly options: RuntimeOptions;
  readonly state: StateDirectory;
  readonly log: Logger;
  readonly deployment: Deployment;
  readonly door: FrontDoor;
  readonly authorize: Authorize;
  /** What stops the runtime again. Each part adds what it has started. */
  readonly undo: AsyncDisposableStack;
}

async function start(options: RuntimeOptions, undo: AsyncDisposableStack): Promise<Omit<Runtime, "stop">> {
  // This process holds the CDK and every emulator: it would stop for each git process that it started itself.
  startProcessesBy(processHelper);
  const base = await openBase(options, undo);
  const { deployment, door, authorize, log, state } = base;
  const { tables, topics, executions } = await openEmulators(base);
  const { functions, urls } = await loadFunctions(base);
  const order = precedence();
  const invoke: Invoke = (functionArn, event) => order.work(functions.invoke(functionArn, event));
  urls.open(invoke);
  const workflows = openWorkflows(deployment.machines, executions, taskRunner(authorize, invoke), options.observer);
  const events = openEventBus(deployment, state.file("events.jsonl"), {
    toQueue: (arn, body) => sendTo(topics, queueUrl(arn.split(":").at(-1) ?? ""), body),
    toFunction: invoke,
    log,
  });
  door.open({ tables, topics, workflows, events, authorize, log, observer: options.observer });
  const url = await serveApi(base, { functions, invoke, order, events });
  workflows.resume();
  undo.defer(() => workflows.stop());
  const feeding = { functions, topics, invoke, authorize, log, order, delay: options.retryDelay };
  await startEventSources(deployment.eventSources, feeding, (stop) => undo.defer(() => patiently(stop())));
  const schedules = startSchedules(deployment.schedules, invoke, log, options.schedulesEveryMs);
  undo.defer(() => schedules.stop());
  return {
    url,
    awsEndpoint: AWS_ORIGIN,
    operatorPort: options.operatorPort ? await operatorPort(base) : undefined,
    deployment,
    functionUrls: new Map([...urls.byFunction].map(([arn, at]) => [functions.at(arn).spec.id, at])),
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

/** The address of a queue, as AWS clients name the queue. */
const queueUrl = (name: string): string => `${AWS_ORIGIN}/${ACCOUNT}/${name}`;

async function openBase(options: RuntimeOptions, undo: AsyncDisposableStack): Promise<Base> {
  const state = openStateDirectory(options.stateDirectory);
  undo.defer(() => state.release());
  const log = logTo(state.file("log", "runtime.log"), "runtime", options.quiet ?? false);
  const assembly = options.assembly ?? (await synthesized(options, state));
  const deployment = deploymentOf(assembly, queueUrl);
  return { options, state, log, deployment, door: frontDoor(), authorize: authorizer(deployment), undo };
}

/** Opens what holds the state: tables, topics, and the executions of workflows. */
async function openEmulators({ state, deployment, undo }: Base) {
  const tables = await opened(state, "tables", () => openTables(state.directory("tables"), deployment.tables));
  undo.defer(() => tables.close());
  const topics = await opened(state, "topics", () =>
    openTopics(state.directory("topics"), deployment.queues, queueUrl),
  );
  undo.defer(() => topics.close());
  const executions = await opened(state, "workflows", () => openExecutions(state.file("workflows", "executions.db")));
  undo.defer(() => executions.close());
  return { tables, topics, executions };
}

/** Loads all functions, and serves the functions that have an address. Their addresses are closed until they are opened. */
async function loadFunctions({ options, state, deployment, door, authorize, undo }: Base) {
  const urls = await serveFunctionUrls(deployment.functionUrls, state);
  undo.defer(() => urls.close());
  const functions = new LocalFunctions(options.observer);
  await functions.load(deployment.functions, (spec) => {
    const file = `${spec.id.replaceAll("/", "-")}.log`;
    const log = logTo(state.file("log", file), spec.id, options.quiet ?? false);
    const gateway = gatewayFetch((event) => functions.invoke(deployment.apiFunction ?? "", event), {
      mayCall: (resource) => authorize(spec.roleArn, { action: "execute-api:Invoke", resource }),
      // Where callers have tokens, a function is known by its name.
      authorizer: options.tokens === undefined ? {} : { lambda: { name: spec.id, groups: "" } },
    });
    return {
      root: options.root ?? REPOSITORY,
      environment: localised(spec, state, urls),
      clients: { ...clientsOf(door, { role: spec.roleArn }, log), gateway },
    };
  });
  undo.defer(() => patiently(functions.idle()));
  return { functions, urls };
}

interface ApiParts {
  readonly functions: LocalFunctions;
  readonly invoke: Invoke;
  readonly order: Precedence;
  readonly events: EventBus;
}

/** Serves the HTTP API and answers its address. Undefined when the templates have none. */
async function serveApi(
  { options, deployment: { apiFunction, hooks }, undo }: Base,
  { functions, invoke, order, events }: ApiParts,
): Promise<string | undefined> {
  if (apiFunction === undefined) return undefined;
  const api = await serveHttpApi(options.port ?? 0, (event) => order.call(functions.invoke(apiFunction, event)), {
    authorize: authorizerOf(options),
    bus: events,
    hooks: hooks.map((hook) => ({ ...hook, invoke: (event) => invoke(hook.functionArn, event) })),
  });
  undo.defer(() => api.close());
  return api.url;
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

/** Serves the AWS command line. */
async function operatorPort({ door: { call }, state, log, undo }: Base) {
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

/** Waits for the promise, at most GRACE_MS. */
async function patiently(awaited: Promise<unknown>): Promise<void> {
  const { promise: patience, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, GRACE_MS);
  await Promise.race([awaited, patience]);
  clearTimeout(timer);
}
