import * as z from "zod";
import { WaitQuery } from "../api/fields.ts";
import { IdempotencyKey, LandBody, LandQuery } from "../api/land-call.ts";
import { Trial } from "../api/question-views.ts";
import { CancelBody, HistoryQuery, ListQuery, PriorityBody, RecheckBody, RequestPath } from "../api/request-calls.ts";
import { HistoryPage, RequestPage, RequestSummary, Why } from "../api/request-views.ts";
import { QueueName } from "../ids.ts";
import { AT, BUILD_KEY, CANCELLING, CHANGE, COMMIT, LANDED, LATER, REQUEST, TRIAL } from "./examples.ts";
import type { Operation } from "./operation.ts";

const QueuePath = z.object({ queue: QueueName });
const ofRequests = { tag: "Requests", parameters: RequestPath } as const;
const NO_REQUEST = ["queue.unknown", "land.unknown"] as const;

/** The operations about requests: land, list, follow, cancel. */
export const REQUEST_OPERATIONS: readonly Operation[] = [
  {
    id: "land",
    method: "post",
    path: "/v1/queues/{queue}/requests",
    tag: "Requests",
    summary: "Land a stack of changes",
    description:
      "Asks for one or more changes to be landed together, lowest first. Each change is pinned to a commit. The answer comes before anything is built: follow the request that it names. With `dryRun=true` the same call lands nothing and makes no request: the changes are merged on trial. With `wait`, the answer comes once that is done, or after so many seconds, 25 at most.",
    parameters: QueuePath,
    query: LandQuery,
    headers: z.object({ "idempotency-key": IdempotencyKey.optional() }),
    body: { schema: LandBody, required: true, example: { changes: [CHANGE], strategy: "REBASE" } },
    answer: {
      status: 202,
      description:
        "The request was accepted. With `dryRun=true`: the trial is not answered yet, and `location` says where to ask again.",
      schema: z.union([RequestSummary, Trial]),
      example: REQUEST,
      headers: ["location"],
    },
    otherwise: {
      status: 200,
      description: "With `dryRun=true`: the trial.",
      schema: Trial,
      example: TRIAL,
    },
    errors: [
      "caller.not_allowed",
      "queue.unknown",
      "queue.draining",
      "request.idempotency_conflict",
      "land.refused_too_often",
    ],
  },
  {
    id: "listRequests",
    method: "get",
    path: "/v1/queues/{queue}/requests",
    tag: "Requests",
    summary: "List requests",
    description: "The requests of a queue, newest first, a page at a time.",
    parameters: QueuePath,
    query: ListQuery,
    answer: {
      status: 200,
      description: "One page. `nextPage` is absent on the last one.",
      schema: RequestPage,
      example: { requests: [LANDED] },
    },
    errors: ["queue.unknown", "page.invalid_token"],
  },
  {
    ...ofRequests,
    id: "getRequest",
    method: "get",
    path: "/v1/queues/{queue}/requests/{n}",
    summary: "Show a request",
    description:
      "Where a request stands. With `wait`, the answer comes once its status has changed, once it has ended, or after so many seconds, 25 at most.",
    query: WaitQuery,
    answer: { status: 200, description: "The request.", schema: RequestSummary, example: LANDED },
    errors: NO_REQUEST,
  },
  {
    ...ofRequests,
    id: "getHistory",
    method: "get",
    path: "/v1/queues/{queue}/requests/{n}/history",
    summary: "Show the history of a request",
    description:
      "Everything that the log holds about a request, oldest first. With `wait`, the answer comes once there are more than `known` entries, once the request has ended, or after so many seconds, 25 at most.",
    query: HistoryQuery,
    answer: {
      status: 200,
      description: "The entries of the log.",
      schema: HistoryPage,
      example: {
        sqid: "main/17",
        events: [
          { id: "main/17/accepted", at: AT, kind: "status", status: "accepted", metadata: {} },
          { id: "main/17/landed", at: LATER, kind: "status", status: "landed", metadata: { commit: COMMIT } },
        ],
      },
    },
    errors: NO_REQUEST,
  },
  {
    ...ofRequests,
    id: "explainRequest",
    method: "get",
    path: "/v1/queues/{queue}/requests/{n}/why",
    summary: "Explain a request",
    description: "Why a request has not landed yet, or why it ended as it did.",
    answer: {
      status: 200,
      description: "The explanation.",
      schema: Why,
      example: {
        sqid: "main/17",
        status: "speculating",
        ended: false,
        blocker: "dependency",
        on: ["main/15"],
        since: LATER,
        builds: [{ buildKey: BUILD_KEY, outcome: "passed", url: "https://ci.example.com/42", at: LATER }],
        sentence:
          "Passed. Waiting for main/15, which is ahead in the queue and has to be tested together with this one.",
      },
    },
    errors: NO_REQUEST,
  },
  {
    ...ofRequests,
    id: "cancelRequest",
    method: "post",
    path: "/v1/queues/{queue}/requests/{n}/cancel",
    summary: "Cancel a request",
    description:
      "Asks for a request to end before it lands. It may be too late: the request then ends as landed. A request that has ended stays as it is.",
    body: { schema: CancelBody, required: false, example: { reason: "not yet" } },
    answer: { status: 202, description: "The request as it stands.", schema: RequestSummary, example: CANCELLING },
    errors: ["caller.not_allowed", ...NO_REQUEST],
  },
  {
    ...ofRequests,
    id: "prioritizeRequest",
    method: "patch",
    path: "/v1/queues/{queue}/requests/{n}",
    summary: "Change the priority of a request",
    description:
      "A request with a higher priority goes ahead of all that have not started landing. No effect on a request that is being landed.",
    body: { schema: PriorityBody, required: true, example: { priority: 5, reason: "a fix for production" } },
    answer: {
      status: 202,
      description: "The request as it stands.",
      schema: RequestSummary,
      example: { ...REQUEST, priority: 5 },
    },
    errors: ["caller.not_allowed", "land.ended", ...NO_REQUEST],
  },
  {
    ...ofRequests,
    id: "recheckRequest",
    method: "post",
    path: "/v1/queues/{queue}/requests/{n}/recheck",
    summary: "Look again at what a request waits for",
    description:
      "A request that waits for a review, or for checks of its pull request, looks for them by itself every few minutes. This has it look at once. Nothing comes of it for a request that has entered the queue.",
    body: { schema: RecheckBody, required: false, example: {} },
    answer: { status: 202, description: "The request as it stands.", schema: RequestSummary, example: REQUEST },
    errors: ["caller.not_allowed", ...NO_REQUEST],
  },
];
