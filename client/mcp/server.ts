import * as z from "zod";
import { LandBody } from "../../functions/contracts/api/land-call.ts";
import { CancelBody } from "../../functions/contracts/api/request-calls.ts";
import { RequestSummary, Why } from "../../functions/contracts/api/request-views.ts";
import { QueueName } from "../../functions/contracts/ids.ts";
import { changesOf } from "../cli/changes.ts";
import type { Session } from "../cli/session.ts";
import type { QueueClient } from "../client.ts";
import { QueueNow } from "../queue-now.ts";
import { LandOutcome, Outcome, outcomeOf, trialOutcome } from "./outcome.ts";
import { type Tool, type ToolServer, tool, toolServer } from "./tool.ts";
import { MOST_SECONDS, waitFor } from "./wait.ts";

const request = z
  .union([z.string(), z.int().nonnegative()], { error: "write its number, as 17, or its id, as main/17" })
  .transform(String)
  .describe("the id of the request, as main/17, or its number in the queue of the settings");
const queueName = QueueName.optional().describe("the queue (default: the one that lands onto this checkout's remote)");

const INSTRUCTIONS = `Changes reach the target branch through this queue alone: never push or merge onto the branch yourself.
1. Commit and push the change. 2. Call land. 3. Call wait until the phase is "ended". 4. When it has not landed, do what "next" says.`;

/**
 * A Model Context Protocol server that lands changes for an agent, with the rights of the session. Each tool makes a few calls of the API.
 * A call that the API refuses is a result with isError, a code and what to do next.
 */
export const mcpServer = (session: Session, version: string): ToolServer =>
  toolServer({ name: "submitqueue", version, instructions: INSTRUCTIONS }, [
    landTool(session),
    ...requestTools(session),
    ...queueTools(session),
  ]);

const READS = { readOnlyHint: true, idempotentHint: true, destructiveHint: false, openWorldHint: true } as const;

const landTool = (session: Session): Tool =>
  tool(
    {
      name: "land",
      title: "Land changes",
      description:
        "Asks the queue to land changes, lowest first; several land together. Returns at once, before anything is built: call wait then. Changes that are in the queue or have landed are not asked for again: their request comes back with `already`.",
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
    },
    {
      changes: z
        .array(z.string())
        .max(50)
        .default([])
        .describe(
          "branches as they are pushed, URLs of pull requests, or change URIs (default: the current branch of the checkout)",
        ),
      queue: queueName,
      strategy: LandBody.shape.strategy,
      priority: LandBody.shape.priority,
      targets: LandBody.shape.targets.describe(
        "the build targets that the changes affect, for a queue that goes by targets; absent: not known",
      ),
      dryRun: z
        .boolean()
        .default(false)
        .describe("land nothing: say whether the changes would be taken, and whether they merge onto the branch"),
    },
    LandOutcome.shape,
    async ({ changes, queue: name, strategy, priority, targets, dryRun }) => {
      const uris = await changesOf({ changes, branches: [], pulls: [] });
      const queue = await queueOf(session, name);
      const options = {
        ...(strategy === undefined ? {} : { strategy }),
        ...(priority === undefined ? {} : { priority }),
        ...(targets === undefined ? {} : { targets }),
      };
      if (dryRun) return trialOutcome(await queue.tryLand(uris, options, MOST_SECONDS));
      const known = await knownRequest(queue, uris);
      if (known !== undefined) return told(queue, known);
      const landed = await queue.land(uris, options);
      return outcomeOf(landed, await queue.why(landed.number));
    },
  );

/** The request that holds exactly these changes, and is in flight or has landed. */
async function knownRequest(queue: QueueClient, uris: readonly string[]): Promise<RequestSummary | undefined> {
  const [first] = uris;
  const { requests } = await queue.page({ change: first, limit: 20 });
  const same = requests.filter(({ changes }) => changes.join("\n") === uris.join("\n"));
  return same.find(({ ended, status }) => !ended || status === "landed");
}

async function told(queue: QueueClient, request: RequestSummary): Promise<Outcome> {
  const already = request.status === "landed" ? "landed" : request.ended ? "ended" : "queued";
  return outcomeOf(request, await queue.why(request.number), already);
}

const queueOf = async (session: Session, name: string | undefined): Promise<QueueClient> =>
  name === undefined ? session.queue() : session.client.queue(name);

const requestTools = (session: Session): readonly Tool[] => [
  tool(
    {
      name: "status",
      title: "Show a request",
      description: "Where a request stands, why, and what to do next.",
      annotations: READS,
    },
    { request },
    Outcome.shape,
    async ({ request: id }) => {
      const { queue, number } = await session.request(id);
      const summary = await queue.request(number);
      return outcomeOf(summary, await queue.why(number));
    },
  ),
  tool(
    {
      name: "why",
      title: "Explain a request",
      description:
        "Why a request has not landed yet, or why it ended as it did: the blocker, the requests in the way, and the builds.",
      annotations: READS,
    },
    { request },
    Why.shape,
    async ({ request: id }) => {
      const { queue, number } = await session.request(id);
      return queue.why(number);
    },
  ),
  tool(
    {
      name: "wait",
      title: "Wait for a request",
      description:
        "Waits until the phase of a request changes (checking, queued, landing, ended), or until the time is up. Call it again until the phase is ended.",
      annotations: READS,
    },
    {
      request,
      timeoutSeconds: z
        .int()
        .min(1)
        .max(MOST_SECONDS)
        .default(MOST_SECONDS)
        .describe("shorter than the client's own time limit for a call"),
    },
    Outcome.shape,
    async ({ request: id, timeoutSeconds }, signal) => {
      const { queue, number } = await session.request(id);
      const summary = await waitFor(queue, number, timeoutSeconds, signal);
      return outcomeOf(summary, await queue.why(number));
    },
  ),
  tool(
    {
      name: "cancel",
      title: "Cancel a request",
      description:
        "Ends a request before it lands. It may be too late: wait tells how it ended. A request that has ended stays as it is, and comes back with `already`.",
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
    },
    { request, reason: CancelBody.shape.reason.describe("shown to all users who look at the request") },
    Outcome.shape,
    async ({ request: id, reason }) => {
      const { queue, number } = await session.request(id);
      const summary = await queue.cancel(number, reason);
      return summary.ended ? told(queue, summary) : outcomeOf(summary, await queue.why(number));
    },
  ),
];

const queueTools = (session: Session): readonly Tool[] => [
  tool(
    { name: "list", title: "List requests", description: "The requests of a queue, newest first.", annotations: READS },
    {
      queue: queueName,
      limit: z.int().min(1).max(100).default(20),
      change: z.string().optional().describe("only requests that name this change URI"),
    },
    { requests: z.array(RequestSummary) },
    async ({ queue: name, ...query }) => {
      const { requests } = await (await queueOf(session, name)).page(query);
      return { requests };
    },
  ),
  tool(
    {
      name: "queue",
      title: "Show a queue",
      description: "How a queue stands: whether it is open, paused or draining, and what it holds.",
      annotations: READS,
    },
    { queue: queueName },
    QueueNow.shape,
    async ({ queue: name }) => (await queueOf(session, name)).show(),
  ),
];
