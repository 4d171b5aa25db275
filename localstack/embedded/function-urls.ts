import { readFileSync, writeFileSync } from "node:fs";
import { CodedError } from "../../functions/contracts/errors.ts";
import type { FunctionUrlSpec } from "./deployment.ts";
import { type HttpApi, serveHttpApi } from "./http-api.ts";
import type { StateDirectory } from "./state-directory.ts";

type Invoke = (functionArn: string, event: object) => Promise<unknown>;

/** The addresses of functions, served on loopback. */
export interface FunctionUrls {
  /** The address at which a function is served here, for an address of the templates. Any other text as it is. */
  localised(value: string): string;
  /** Where each function is called here, by its ARN. */
  readonly byFunction: ReadonlyMap<string, string>;
  /** Serves the functions. Calls are refused before: functions are told addresses before they are loaded. */
  open(invoke: Invoke): void;
  close(): Promise<void>;
}

/**
 * Serves each address on a port of its own, the same port as the last time where it is free: a CI system that was told an address calls
 * back there after a restart, too.
 */
export async function serveFunctionUrls(
  specs: readonly FunctionUrlSpec[],
  state: StateDirectory,
): Promise<FunctionUrls> {
  let invoke: Invoke = async () => {
    throw new CodedError("queue.unavailable", "the runtime is starting");
  };
  const served = new Map<string, HttpApi>();
  const byFunction = new Map<string, string>();
  for (const [index, { url, functionArn }] of specs.entries()) {
    const file = state.file(`function-url-${index}.port`);
    const answer = (event: object) => invoke(functionArn, event);
    const api = await serveHttpApi(portIn(file), answer).catch(() => serveHttpApi(0, answer));
    writeFileSync(file, new URL(api.url).port);
    served.set(url, api);
    byFunction.set(functionArn, `${api.url}/`);
  }
  return {
    byFunction,
    localised: (value) => {
      const api = served.get(value);
      return api === undefined ? value : `${api.url}/`;
    },
    open: (opened) => {
      invoke = opened;
    },
    close: async () => {
      for (const api of served.values()) await api.close();
    },
  };
}

/** 0, any port, when none was served before. */
function portIn(file: string): number {
  try {
    return Number(readFileSync(file, "utf8")) || 0;
  } catch {
    return 0;
  }
}
