import type { RequestSummary } from "../../functions/contracts/api/request-views.ts";
import type { WhatIfOption } from "../../simulator/what-if.ts";
import { getHistory, listRequests } from "../api.ts";
import type { Question, Reply, Told } from "./messages.ts";

/** How many of the last requests are replayed: one call per request is what the API can be asked for without a thought. */
export const MOST_REQUESTS = 200;

/** As many calls at once. */
const AT_ONCE = 6;

/** The last requests that have ended, with their logs; one call, and one per request. `progress` is told how many were read. */
export async function readHistory(
  queue: string,
  signal: AbortSignal,
  progress: (read: number, of: number) => void,
): Promise<readonly Told[]> {
  const { requests } = await listRequests(queue, { limit: String(MOST_REQUESTS) }, signal);
  const ended = requests.filter((request) => request.ended);
  const told: Told[] = [];
  const left = [...ended];
  const read = async () => {
    for (let request = left.shift(); request !== undefined; request = left.shift()) {
      told.push(await tell(queue, request, signal));
      progress(told.length, ended.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, read));
  return told;
}

const tell = async (queue: string, request: RequestSummary, signal: AbortSignal): Promise<Told> => ({
  request,
  events: (await getHistory(queue, request.number, signal)).events,
});

/** Budgets to compare with one: half, the same, twice and four times as many builds. Each also with bundles, and with `commitPoints: pushes`. */
export const optionsAround = (budget: number): readonly WhatIfOption[] =>
  [...new Set([Math.max(1, Math.floor(budget / 2)), budget, budget * 2, budget * 4])]
    .filter((one) => one <= 1_000)
    .flatMap((one) => [{ budget: one }, { budget: one, bundle: 4 }, { budget: one, commitPoints: "pushes" as const }]);

/** Lets a worker answer, option by option. The returned function ends it. Throws nothing: `failed` is told of what goes wrong. */
export function ask(question: Question, answered: (reply: Reply) => void, failed: (why: string) => void): () => void {
  const worker = new Worker(scriptUrl("/assets/what-if.js") as string, { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<Reply>) => answered(data);
  worker.onerror = ({ message }) => failed(message || "The simulator could not be started.");
  worker.postMessage(question);
  return () => worker.terminate();
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): unknown };
}

const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypes };

/** The one address from which a script may be started. The page's Content-Security-Policy knows the policy by its name. */
const policy = trustedTypes?.createPolicy("submitqueue", {
  createScriptURL: (url) => {
    if (url !== "/assets/what-if.js") throw new TypeError(`${url} is no script of this page`);
    return url;
  },
});
const scriptUrl = (url: string): unknown => policy?.createScriptURL(url) ?? url;
