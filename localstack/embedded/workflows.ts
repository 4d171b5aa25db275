import { ExecutionAbortedError, ExecutionError, ExecutionTimeoutError, StateMachine } from "aws-local-stepfunctions";
import * as z from "zod";
import { AwsError } from "./aws-error.ts";
import type { MachineSpec } from "./deployment.ts";
import { type Ending, type Execution, ExecutionStatus, type Executions } from "./executions.ts";
import type { Json } from "./functions.ts";
import { checkStart, type Exceeded, tooLarge, watch } from "./limits/states.ts";
import type { Observer } from "./observer.ts";

/** Runs a function on behalf of a state machine's role. What it throws bears the name that Retry and Catch clauses match. */
export type RunTask = (roleArn: string, functionArn: string, input: Json) => Promise<Json>;

export interface Workflows {
  /** Answers one call of Step Functions. Throws AwsError. */
  answer(operation: string, input: unknown): object;
  /** Runs what was running when the last runtime ended, from its start: every step is idempotent. */
  resume(): void;
  /** How many executions are running. */
  running(): number;
  /** Lets go of what runs; it stays RUNNING, for `resume`. */
  stop(): void;
}

type Definition = ConstructorParameters<typeof StateMachine>[0];
type TaskHandler = (input: Json) => Promise<Json>;

interface Machine {
  readonly spec: MachineSpec;
  readonly machine: StateMachine;
  /** The function behind each task state, by the name of the state. */
  readonly tasks: ReadonlyMap<string, TaskHandler>;
}

const Asl = z.looseObject({ StartAt: z.string(), States: z.record(z.string(), z.looseObject({ Type: z.string() })) });
const DefinitionOf = z.custom<Definition>((value) => Asl.safeParse(value).success, "this is no state machine");

const StartInput = z.object({
  stateMachineArn: z.string(),
  name: z.string(),
  input: z.string().default("{}"),
});
const StopInput = z.object({ executionArn: z.string(), error: z.string().optional(), cause: z.string().optional() });
const DescribeInput = z.object({ executionArn: z.string() });
const ListInput = z.object({
  stateMachineArn: z.string(),
  statusFilter: ExecutionStatus.optional(),
  maxResults: z.int().min(1).max(1_000).default(100),
  nextToken: z.string().regex(/^\d+$/).optional(),
});

export function openWorkflows(
  specs: readonly MachineSpec[],
  executions: Executions,
  runTask: RunTask,
  observer?: Pick<Observer, "transition">,
): Workflows {
  return new EmbeddedWorkflows(
    new Map(specs.map((spec) => [spec.arn, machineOf(spec, runTask)])),
    executions,
    observer,
  );
}

class EmbeddedWorkflows implements Workflows {
  readonly #machines: ReadonlyMap<string, Machine>;
  readonly #executions: Executions;
  readonly #observer: Pick<Observer, "transition"> | undefined;
  /** How each running execution is told to end, by its ARN. */
  readonly #aborts = new Map<string, () => void>();
  #stopped = false;

  readonly #operations: Readonly<Record<string, (input: unknown) => object>> = {
    StartExecution: (input) => {
      const { arn, started } = this.#start(parse(StartInput, input));
      return { executionArn: arn, startDate: started / 1_000 };
    },
    StopExecution: (input) => {
      const { executionArn, ...why } = parse(StopInput, input);
      this.#executionAt(executionArn);
      this.#executions.end(executionArn, { status: "ABORTED", ...defined(why) });
      this.#abort(executionArn);
      return { stopDate: (this.#executionAt(executionArn).stopped ?? 0) / 1_000 };
    },
    DescribeExecution: (input) => describe(this.#executionAt(parse(DescribeInput, input).executionArn)),
    ListExecutions: (input) => this.#list(parse(ListInput, input)),
  };

  constructor(
    machines: ReadonlyMap<string, Machine>,
    executions: Executions,
    observer: Pick<Observer, "transition"> | undefined,
  ) {
    this.#machines = machines;
    this.#executions = executions;
    this.#observer = observer;
  }

  answer(operation: string, input: unknown): object {
    const answer = this.#operations[operation];
    if (answer === undefined) throw new AwsError("UnknownOperationException", `${operation} is not known here`);
    return answer(input);
  }

  resume(): void {
    for (const execution of this.#executions.running()) {
      if (this.#machines.has(execution.machine)) this.#run(execution);
      else this.#executions.end(execution.arn, { status: "ABORTED", error: "StateMachineDoesNotExist" });
    }
  }

  running(): number {
    return this.#aborts.size;
  }

  stop(): void {
    this.#stopped = true;
    for (const arn of [...this.#aborts.keys()]) this.#abort(arn);
  }

  #start(input: z.infer<typeof StartInput>): Execution {
    const { spec } = this.#machineAt(input.stateMachineArn);
    checkStart(input.name, input.input);
    const arn = `${spec.arn.replace(":stateMachine:", ":execution:")}:${input.name}`;
    const known = this.#executions.get(arn);
    if (known?.status === "RUNNING" && known.input === input.input) return known;
    if (known !== undefined) throw new AwsError("ExecutionAlreadyExists", `Execution Already Exists: '${arn}'`);
    if (this.#stopped) throw new AwsError("ServiceUnavailable", "the runtime is stopping", 503);
    const execution = this.#executions.start(spec.arn, arn, input.name, input.input);
    this.#run(execution);
    return execution;
  }

  #list({ stateMachineArn, statusFilter, maxResults, nextToken }: z.infer<typeof ListInput>): object {
    this.#machineAt(stateMachineArn);
    const after = Number(nextToken ?? 0);
    const found = this.#executions.list(stateMachineArn, statusFilter, maxResults + 1, after);
    return {
      executions: found.slice(0, maxResults).map((execution) => {
        const { input: _input, output: _output, error: _error, cause: _cause, ...listed } = describe(execution);
        return listed;
      }),
      ...(found.length > maxResults ? { nextToken: String(after + maxResults) } : {}),
    };
  }

  #run(execution: Execution): void {
    const { spec, machine, tasks } = this.#machineAt(execution.machine);
    const { arn: Id, name: Name } = execution;
    let aborted = false;
    const exceed = (exceeded: Exceeded) => {
      if (!this.#aborts.has(Id)) return;
      this.#executions.end(Id, { status: "FAILED", ...exceeded });
      this.#abort(Id);
    };
    const guarded =
      (state: string, task: TaskHandler): TaskHandler =>
      // A task that was waiting for its retry when its execution was stopped would be tried once more.
      async (input) => {
        if (aborted) throw new ExecutionAbortedError();
        const answer = await task(input);
        const exceeded = tooLarge(state, answer);
        if (exceeded) exceed(exceeded);
        return answer;
      };
    const handlers = [...tasks].map(([state, task]) => [state, guarded(state, task)] as const);
    const { result, abort, eventLogs } = machine.run(JSON.parse(execution.input), {
      overrides: { taskResourceLocalHandlers: Object.fromEntries(handlers) },
      context: {
        Execution: { Id, Name, RoleArn: spec.roleArn },
        StateMachine: { Id: spec.arn, Name: spec.name },
      },
    });
    this.#aborts.set(Id, () => {
      aborted = true;
      abort();
    });
    void watch(eventLogs, exceed, (state) => this.#observer?.transition(spec.name, state));
    void result
      .then((output): Ending => ({ status: "SUCCEEDED", output: JSON.stringify(output) }), endingOf)
      .then((ending) => {
        if (this.#aborts.delete(Id)) this.#executions.end(Id, ending);
      });
  }

  /** Ends the run of an execution, if it is running. What the execution ended as is stored by the caller. */
  #abort(arn: string): void {
    const abort = this.#aborts.get(arn);
    this.#aborts.delete(arn);
    abort?.();
  }

  #machineAt(arn: string): Machine {
    const machine = this.#machines.get(arn);
    if (machine === undefined) throw new AwsError("StateMachineDoesNotExist", `there is no state machine ${arn}`);
    return machine;
  }

  #executionAt(arn: string): Execution {
    const execution = this.#executions.get(arn);
    if (execution === undefined) throw new AwsError("ExecutionDoesNotExist", `there is no execution ${arn}`);
    return execution;
  }
}

function parse<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (!parsed.success) throw new AwsError("ValidationException", z.prettifyError(parsed.error));
  return parsed.data;
}

const defined = <T extends object>(value: T) =>
  Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined && item !== null));

const describe = ({ arn, machine, name, status, input, output, error, cause, started, stopped }: Execution) =>
  ({
    executionArn: arn,
    stateMachineArn: machine,
    name,
    status,
    input,
    startDate: started / 1_000,
    ...defined({ output, error, cause }),
    ...(stopped === null ? {} : { stopDate: stopped / 1_000 }),
  }) satisfies Record<string, unknown> as Record<string, unknown>;

function endingOf(failure: unknown): Ending {
  if (failure instanceof ExecutionTimeoutError) return { status: "TIMED_OUT", error: "States.Timeout" };
  if (failure instanceof ExecutionAbortedError) return { status: "ABORTED" };
  const error = failure instanceof ExecutionError ? failure.cause : failure;
  if (!(error instanceof Error)) return { status: "FAILED", error: "States.Runtime", cause: String(error) };
  return { status: "FAILED", error: error.name, cause: error.message };
}

/** Step Functions lets a task run for as long as its function does; the library would give up after a minute. */
const UNBOUNDED_SECONDS = 2_000_000;
const INVOKE = "arn:aws:states:::lambda:invoke";
const Payload = z.object({ FunctionName: z.string(), Payload: z.json() });

function machineOf(spec: MachineSpec, runTask: RunTask): Machine {
  const tasks = new Map<string, TaskHandler>();
  const definition = mapTasks(spec.definition, (name, task) => {
    const resource = String(task["Resource"]);
    if (!resource.startsWith("arn:aws:lambda:") && resource !== INVOKE)
      throw new Error(`${spec.name}/${name} does not run here: its resource is ${resource}`);
    tasks.set(name, async (input) => {
      if (resource !== INVOKE) return runTask(spec.roleArn, resource, input);
      const called = Payload.parse(input);
      return { StatusCode: 200, Payload: await runTask(spec.roleArn, called.FunctionName, called.Payload) };
    });
    return { TimeoutSeconds: UNBOUNDED_SECONDS, ...task };
  });
  // Not validated here: that takes half a second of every start, and test/lib/workflows validates what the stacks define.
  const machine = new StateMachine(DefinitionOf.parse(definition), { validationOptions: { noValidate: true } });
  return { spec, machine, tasks };
}

/** A definition with `change` applied to its task states, at every depth. */
function mapTasks(
  value: unknown,
  change: (name: string, task: Record<string, unknown>) => Record<string, unknown>,
  name = "",
): unknown {
  if (Array.isArray(value)) return value.map((item) => mapTasks(item, change));
  if (typeof value !== "object" || value === null) return value;
  const mapped = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTasks(item, change, key)]));
  return mapped["Type"] === "Task" && "Resource" in mapped ? change(name, mapped) : mapped;
}
