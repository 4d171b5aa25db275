import { AWS_LIMITS } from "../../../functions/contracts/limits.ts";
import { AwsError } from "../aws-error.ts";

/** Throws AwsError when Step Functions would not start an execution of this name with this input. */
export function checkStart(name: string, input: string): void {
  // CloudWatch knows only such names; Step Functions takes some more.
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(name)) throw new AwsError("InvalidName", `Invalid Name: '${name}'`);
  if (Buffer.byteLength(input) > AWS_LIMITS.stateBytes)
    throw new AwsError(
      "ValidationException",
      `1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to ${AWS_LIMITS.stateBytes}`,
    );
  try {
    JSON.parse(input);
  } catch (cause) {
    throw new AwsError("InvalidExecutionInput", `Invalid State Machine Execution Input: '${String(cause)}'`);
  }
}

/** How an execution ends that has gone beyond a limit: no Catch sees it. */
export interface Exceeded {
  readonly error: string;
  readonly cause: string;
}

/** Undefined when a state may take, or answer, the value. */
export function tooLarge(state: string, value: unknown): Exceeded | undefined {
  if (Buffer.byteLength(JSON.stringify(value) ?? "") <= AWS_LIMITS.stateBytes) return undefined;
  return {
    error: "States.DataLimitExceeded",
    cause: `The state/task '${state}' returned a result with a size exceeding the maximum number of bytes service limit.`,
  };
}

const EVENTS_OF = { task: 5, state: 2, retry: 3 } as const;

/** Counts the events in the history of one execution. */
export class History {
  #events = 1;

  /**
   * A task is entered, scheduled, started, ended and left; any other state is entered and left; a task that is tried again is scheduled,
   * started and ended once more. Undefined while there is room for more.
   */
  add(kind: keyof typeof EVENTS_OF): Exceeded | undefined {
    this.#events += EVENTS_OF[kind];
    if (this.#events < AWS_LIMITS.historyEvents) return undefined;
    const cause = `The execution reached the maximum number of history events (${AWS_LIMITS.historyEvents}).`;
    return { error: "States.Runtime", cause };
  }
}

/** What the library tells of a state of an execution as it goes on. */
interface StateEvent {
  readonly type: string;
  readonly state?: { readonly name: string; readonly type: string; readonly input: unknown; readonly output?: unknown };
}

/**
 * Follows an execution, and calls `end` once when a state takes or leaves too much, or when the history is full. `transition` is called for
 * each state that is entered or tried again.
 */
export async function watch(
  events: AsyncIterable<StateEvent>,
  end: (exceeded: Exceeded) => void,
  transition: (state: string) => void = () => undefined,
): Promise<void> {
  const history = new History();
  for await (const { type, state } of events) {
    if (state === undefined) continue;
    if (type === "StateEntered" || type === "StateRetried") transition(state.name);
    const exceeded =
      type === "StateEntered"
        ? (tooLarge(state.name, state.input) ?? history.add(state.type === "Task" ? "task" : "state"))
        : type === "StateExited"
          ? tooLarge(state.name, state.output)
          : type === "StateRetried"
            ? history.add("retry")
            : undefined;
    if (exceeded === undefined) continue;
    end(exceeded);
    return;
  }
}
