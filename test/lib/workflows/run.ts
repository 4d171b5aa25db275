import { StateMachine } from "aws-local-stepfunctions";
import type { Templates } from "../../../lib/checks/templates.ts";
import { METADATA } from "../../../lib/settings.ts";

type JSONValue = Parameters<StateMachine["run"]>[0];

export interface State {
  readonly Type: string;
  readonly Resource?: string;
  readonly TimeoutSeconds?: number;
  readonly Retry?: readonly {
    readonly ErrorEquals: readonly string[];
    readonly MaxAttempts: number;
    readonly BackoffRate: number;
    readonly JitterStrategy: string;
  }[];
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
}
export interface Definition {
  readonly StartAt: string;
  readonly TimeoutSeconds: number;
  readonly States: Readonly<Record<string, State>>;
}

/** A state machine's definition, references put in. */
export function definitionOf(templates: Templates, workflow: string): Definition {
  const machine = templates
    .ofType("AWS::StepFunctions::StateMachine")
    .find(({ metadata }) => metadata[METADATA.workflow] === workflow);
  if (machine === undefined) throw new Error(`there is no workflow ${workflow}`);
  return JSON.parse(templates.text(machine.stack, machine.properties["DefinitionString"], "?"));
}

/** What the function of a state answers: a value, or an error to throw; one after the other when it is a list, the last for good. */
export type Answers = Readonly<Record<string, readonly unknown[]>>;

export interface Run {
  readonly output: unknown;
  /** The calls that were made, as `state: input`. */
  readonly calls: readonly { readonly state: string; readonly input: unknown }[];
}

/** Definitions that were found valid: to validate one takes far longer than to run it. */
const valid = new WeakSet<Definition>();

/** Runs a definition with stand-ins for its functions. Waits take no time. Throws what the execution fails with. */
export async function run(definition: Definition, input: unknown, answers: Answers): Promise<Run> {
  const calls: { state: string; input: unknown }[] = [];
  const tasks = Object.entries(definition.States).filter(([, { Type }]) => Type === "Task");
  const handlers = Object.fromEntries(
    tasks.map(([state]) => [
      state,
      async (given: JSONValue): Promise<JSONValue> => {
        const past = calls.filter((call) => call.state === state).length;
        calls.push({ state, input: structuredClone(given) });
        const answer = answers[state]?.[Math.min(past, (answers[state]?.length ?? 1) - 1)] ?? {};
        if (answer instanceof Error) throw answer;
        return answer as JSONValue;
      },
    ]),
  );
  const waits = Object.entries(definition.States).filter(([, { Type }]) => Type === "Wait");
  const machine = new StateMachine(definition as unknown as ConstructorParameters<typeof StateMachine>[0], {
    // The ARNs are made up.
    validationOptions: { checkArn: false, noValidate: valid.has(definition) },
  });
  valid.add(definition);
  const { result } = machine.run(input as JSONValue, {
    overrides: {
      taskResourceLocalHandlers: handlers,
      waitTimeOverrides: Object.fromEntries(waits.map(([state]) => [state, 0])),
      retryIntervalOverrides: Object.fromEntries(tasks.map(([state]) => [state, 0])),
    },
  });
  return { output: await result, calls };
}
