import type { Service } from "./calls.ts";

/** One call of AWS, with the sizes of what went and came. */
export interface ObservedCall {
  /** The ARN of the role that called; undefined for the runtime and the operator. */
  readonly role: string | undefined;
  readonly service: Service;
  readonly operation: string;
  /** As the service got it. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly requestBytes: number;
  readonly answerBytes: number;
}

/** Sees what the runtime does, as AWS would bill it: calls, invocations and steps of workflows. What it throws breaks what it sees. */
export interface Observer {
  /** A function is about to run. The answer is called when the function has ended, however that is. */
  invocation(functionId: string, event: unknown): () => void;
  /** Is waited for before a function runs. What it throws, the caller of the function gets, as from a function that could not be started. */
  before?(functionId: string): Promise<void>;
  call(call: ObservedCall): void;
  /** A state of a workflow was entered, or its task is tried again. */
  transition(workflow: string, state: string): void;
}
