import type { Clients } from "../../functions/adapters/aws-clients.ts";
import type { FunctionSpec } from "./deployment.ts";
import { type Json, type LocalFunction, loadFunction } from "./functions.ts";
import type { Observer } from "./observer.ts";

/** Invokes a function by its ARN or its name. Throws what the function throws. */
export type Invoke = (functionArn: string, event: unknown) => Promise<Json>;

/** What a function is given when it is loaded. */
export interface Surroundings {
  /** Where the path of its handler begins. */
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly clients: Clients;
}

/** The functions of a deployment, and their invocations that are under way. */
export class LocalFunctions {
  readonly #observer: Observer | undefined;
  readonly #underWay = new Set<Promise<unknown>>();
  #functions: ReadonlyMap<string, LocalFunction> = new Map();

  constructor(observer: Observer | undefined) {
    this.#observer = observer;
  }

  /** Loads all functions. Throws when a handler can't be loaded. */
  async load(specs: readonly FunctionSpec[], surroundingsOf: (spec: FunctionSpec) => Surroundings): Promise<void> {
    const loaded = specs.map(async (spec) => {
      const { root, environment, clients } = surroundingsOf(spec);
      return [spec.arn, await loadFunction(spec, root, environment, clients)] as const;
    });
    this.#functions = new Map(await Promise.all(loaded));
  }

  /** The function of this ARN or name. Throws when there is none. */
  at(named: string): LocalFunction {
    const found = this.#functions.get(named) ?? this.#functions.values().find(({ spec }) => spec.name === named);
    if (found === undefined) throw new Error(`there is no function ${named} that runs here`);
    return found;
  }

  async invoke(named: string, event: unknown): Promise<Json> {
    const found = this.at(named);
    const { id } = found.spec;
    const ended = this.#observer?.invocation(id, event);
    const before = this.#observer?.before?.(id);
    const invocation = before === undefined ? found.invoke(event) : before.then(() => found.invoke(event));
    this.#underWay.add(invocation);
    try {
      return await invocation;
    } finally {
      this.#underWay.delete(invocation);
      ended?.();
    }
  }

  /** Resolves once every invocation that is under way has ended, however it ends. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }
}
