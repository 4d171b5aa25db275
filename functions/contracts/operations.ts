import * as z from "zod";
import {
  CancelBody,
  HistoryPage,
  HistoryQuery,
  IdempotencyKey,
  LandBody,
  LandQuery,
  Links,
  ListQuery,
  Me,
  ModeBody,
  Ping,
  Preflight,
  PriorityBody,
  QuestionPath,
  QueueList,
  QueueNow,
  QueueView,
  RecheckBody,
  RequestPage,
  RequestPath,
  RequestSummary,
  ResumeBody,
  Trends,
  TrendsQuery,
  Trial,
  WaitQuery,
  Why,
} from "./api.ts";
import type { ErrorCode } from "./errors.ts";
import { QueueName } from "./ids.ts";
import {
  ASKED,
  AT,
  BUILD_KEY,
  CANCELLING,
  CHANGE,
  COMMIT,
  FLAKES,
  LANDED,
  LATER,
  NOW,
  PAUSED,
  PREFLIGHT,
  QUEUE,
  QUEUED,
  REQUEST,
  TALLY,
  TRIAL,
} from "./operation-examples.ts";

/** One operation of the HTTP API: what the API document, its examples and the tests of the API are made from. */
export interface Operation {
  readonly id: string;
  readonly method: "get" | "post" | "patch";
  readonly path: `/${string}`;
  readonly tag: (typeof TAGS)[number]["name"];
  readonly summary: string;
  readonly description: string;
  readonly parameters?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: { readonly schema: z.ZodType; readonly required: boolean; readonly example: unknown };
  /** What the call of the example is answered. */
  readonly answer: OperationAnswer;
  /** What other calls of the operation are answered, under another status. */
  readonly otherwise?: OperationAnswer;
  /** The codes that this operation can be refused with, beside those of every operation. */
  readonly errors: readonly ErrorCode[];
}

export interface OperationAnswer {
  readonly status: 200 | 202;
  readonly description: string;
  /** Undefined for an answer that is not JSON. */
  readonly schema?: z.ZodType;
  readonly type?: string;
  readonly example?: unknown;
  /** Headers that the answer carries beside those of every answer. */
  readonly headers?: readonly "location"[];
}

export const TAGS = [
  { name: "Requests", description: "Land changes, and follow the requests to land them." },
  { name: "Queues", description: "How queues stand, and how they run." },
  { name: "Service", description: "About the API itself." },
] as const;

/** The codes that any operation can be refused with. */
export const ERRORS_OF_ALL: readonly ErrorCode[] = [
  "request.invalid",
  "caller.unauthenticated",
  "request.headers_too_large",
  "request.foreign_host",
  "request.foreign_origin",
  "service.overloaded",
  "store.unavailable",
  "internal",
];

/** The codes that an operation with a body can be refused with. */
export const ERRORS_OF_BODIES: readonly ErrorCode[] = [
  "request.malformed_json",
  "request.unsupported_media_type",
  "request.too_large",
];

const QueuePath = z.object({ queue: QueueName });

const ofRequests = { tag: "Requests", parameters: RequestPath } as const;
const ofQueue = { tag: "Queues", parameters: QueuePath } as const;
const NO_REQUEST = ["queue.unknown", "land.unknown"] as const;

/** Every operation of the API, in the order in which the document shows them. */
export const OPERATIONS: readonly Operation[] = [
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
  {
    ...ofQueue,
    id: "getTrial",
    method: "get",
    path: "/v1/queues/{queue}/trials/{id}",
    summary: "Show a trial",
    description:
      "What came of a Land with `dryRun=true`. With `wait`, the answer comes once the trial is answered, or after so many seconds, 25 at most. A trial is forgotten after an hour.",
    parameters: QuestionPath,
    query: WaitQuery,
    answer: { status: 200, description: "The trial.", schema: Trial, example: TRIAL },
    errors: ["queue.unknown", "question.unknown"],
  },
  {
    id: "listQueues",
    method: "get",
    path: "/v1/queues",
    tag: "Queues",
    summary: "List queues",
    description: "The configured queues, in the order of the configuration.",
    answer: { status: 200, description: "The queues.", schema: QueueList, example: { queues: [{ ...QUEUE, ...NOW }] } },
    errors: [],
  },
  {
    ...ofQueue,
    id: "getQueue",
    method: "get",
    path: "/v1/queues/{queue}",
    summary: "Show a queue",
    description:
      "How a queue is configured, how it runs, the requests that it holds in their order, and those that ended last.",
    answer: {
      status: 200,
      description: "The queue.",
      schema: QueueNow,
      example: {
        ...PAUSED,
        ...NOW,
        flakes: FLAKES,
        requests: [QUEUED],
        more: false,
        recent: [
          { sqid: "main/14", number: 14, status: "landed", endedAt: AT, commit: COMMIT, title: "Add a checkout" },
        ],
      },
    },
    errors: ["queue.unknown"],
  },
  {
    ...ofQueue,
    id: "pauseQueue",
    method: "post",
    path: "/v1/queues/{queue}/pause",
    summary: "Pause a queue",
    description: "Nothing new lands until the queue is resumed. Requests are taken, and building goes on.",
    body: { schema: ModeBody, required: false, example: { note: "release day" } },
    answer: { status: 202, description: "The queue as it stands.", schema: QueueView, example: PAUSED },
    errors: ["caller.not_allowed", "queue.unknown"],
  },
  {
    ...ofQueue,
    id: "drainQueue",
    method: "post",
    path: "/v1/queues/{queue}/drain",
    summary: "Drain a queue",
    description: "The queue lands the requests that it holds, and takes no new ones until it is resumed.",
    body: { schema: ModeBody, required: false, example: { note: "the repository moves" } },
    answer: {
      status: 202,
      description: "The queue as it stands.",
      schema: QueueView,
      example: { ...PAUSED, mode: "draining", note: "the repository moves" },
    },
    errors: ["caller.not_allowed", "queue.unknown"],
  },
  {
    ...ofQueue,
    id: "resumeQueue",
    method: "post",
    path: "/v1/queues/{queue}/resume",
    summary: "Resume a queue",
    description: "Ends a pause or a drain.",
    body: { schema: ResumeBody, required: false, example: {} },
    answer: {
      status: 202,
      description: "The queue as it stands.",
      schema: QueueView,
      example: { ...QUEUE, since: LATER },
    },
    errors: ["caller.not_allowed", "queue.unknown"],
  },
  {
    ...ofQueue,
    id: "getTrends",
    method: "get",
    path: "/v1/queues/{queue}/trends",
    summary: "Show the trends of a queue",
    description:
      "What became of the requests of a queue: by hour over the last 48 hours, by day over 30 days, or by week over 4 weeks.",
    query: TrendsQuery,
    answer: {
      status: 200,
      description: "The buckets, oldest first, and all of them together.",
      schema: Trends,
      example: {
        queue: "main",
        by: "hour",
        buckets: [{ start: "2026-11-26T09:00:00.000Z", ...TALLY }],
        total: TALLY,
        flakes: FLAKES,
      },
    },
    errors: ["queue.unknown"],
  },
  {
    ...ofQueue,
    id: "askPreflight",
    method: "post",
    path: "/v1/queues/{queue}/preflights",
    summary: "Ask whether a queue can build",
    description:
      "Finds out which checks the builds of a queue wait for, and what keeps the queue from building. With `wait`, the answer comes once that is done, or after so many seconds, 25 at most.",
    query: WaitQuery,
    body: { schema: ResumeBody, required: false, example: {} },
    answer: { status: 200, description: "The preflight.", schema: Preflight, example: PREFLIGHT },
    otherwise: {
      status: 202,
      description: "Not answered yet: `location` says where to ask again.",
      schema: Preflight,
      example: { ...ASKED, state: "waiting", sentence: "Not answered yet: ask again for this id." },
      headers: ["location"],
    },
    errors: ["queue.unknown"],
  },
  {
    ...ofQueue,
    id: "getPreflight",
    method: "get",
    path: "/v1/queues/{queue}/preflights/{id}",
    summary: "Show a preflight",
    description:
      "What was found out. With `wait`, the answer comes once there is one, or after so many seconds, 25 at most. A preflight is forgotten after an hour.",
    parameters: QuestionPath,
    query: WaitQuery,
    answer: { status: 200, description: "The preflight.", schema: Preflight, example: PREFLIGHT },
    errors: ["queue.unknown", "question.unknown"],
  },
  {
    id: "getMe",
    method: "get",
    path: "/v1/me",
    tag: "Service",
    summary: "Who am I?",
    description: "Who makes this call, as the API knows it, and what the caller may do in each queue.",
    answer: {
      status: 200,
      description: "The caller.",
      schema: Me,
      example: {
        kind: "iam",
        name: "arn:aws:iam::123456789012:user/ada",
        groups: [],
        queues: [{ name: "main", rights: { land: true, cancelOthers: false, priority: false, operate: false } }],
      },
    },
    errors: [],
  },
  {
    id: "getLinks",
    method: "get",
    path: "/v1",
    tag: "Service",
    summary: "Where to go on",
    description: "The addresses that the API leads on to.",
    answer: {
      status: 200,
      description: "The addresses.",
      schema: Links,
      example: { links: { queues: "/v1/queues", ping: "/v1/ping" } },
    },
    errors: [],
  },
  {
    id: "ping",
    method: "get",
    path: "/v1/ping",
    tag: "Service",
    summary: "Is the API there?",
    description: "Answers without a call to anything else.",
    answer: {
      status: 200,
      description: "The API is there.",
      schema: Ping,
      example: { service: "gateway", version: "0.1.0", time: AT },
    },
    errors: [],
  },
  {
    id: "getApiDocument",
    method: "get",
    path: "/v1/openapi.json",
    tag: "Service",
    summary: "Show this document",
    description: "The OpenAPI document of this API.",
    answer: {
      status: 200,
      description: "An OpenAPI 3.1 document.",
      schema: z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) }),
      example: { openapi: "3.1.0", paths: {} },
    },
    errors: [],
  },
  {
    id: "getReferencePage",
    method: "get",
    path: "/docs",
    tag: "Service",
    summary: "Read this document as a page",
    description: "The same document as a web page, without scripts and without anything that is loaded from elsewhere.",
    answer: { status: 200, description: "A page.", type: "text/html" },
    errors: [],
  },
];
