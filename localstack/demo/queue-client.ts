import type { z } from "zod";
import { HistoryPage, Problem, RequestSummary } from "../../functions/contracts/api.ts";
import type { ChangeUri } from "../../functions/contracts/change-uri.ts";

/** The calls of the queue's HTTP API that the demo makes. */
export interface QueueClient {
  land(changes: readonly ChangeUri[]): Promise<RequestSummary>;
  get(sqid: string): Promise<RequestSummary>;
  history(sqid: string): Promise<HistoryPage>;
}

/** `url` is the API's, and `queue` a name. Throws what the API answers when it refuses. */
export function queueClient(url: string, queue: string): QueueClient {
  const requests = new URL(`/v1/queues/${queue}/requests`, url).href;
  const of = (sqid: string) => `${requests}/${sqid.slice(sqid.lastIndexOf("/") + 1)}`;
  return {
    land: (changes) => call(RequestSummary, requests, { changes }),
    get: (sqid) => call(RequestSummary, of(sqid)),
    history: (sqid) => call(HistoryPage, `${of(sqid)}/history`),
  };
}

async function call<S extends z.ZodType>(schema: S, url: string, body?: unknown): Promise<z.infer<S>> {
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(url, body === undefined ? {} : post);
  const answer: unknown = await response.json();
  if (response.ok) return schema.parse(answer);
  const problem = Problem.safeParse(answer);
  throw new Error(
    problem.success ? `${problem.data.code}: ${problem.data.detail}` : `${url} answers ${response.status}`,
  );
}
