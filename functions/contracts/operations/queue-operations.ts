import * as z from "zod";
import { WaitQuery } from "../api/fields.ts";
import { Preflight, QuestionPath, Trial } from "../api/question-views.ts";
import { ModeBody, ResumeBody, TrendsQuery } from "../api/queue-calls.ts";
import { QueueList, QueueNow, QueueView } from "../api/queue-views.ts";
import { Trends } from "../api/trend-views.ts";
import { QueueName } from "../ids.ts";
import { ASKED, AT, COMMIT, FLAKES, LATER, NOW, PAUSED, PREFLIGHT, QUEUE, QUEUED, TALLY, TRIAL } from "./examples.ts";
import type { Operation } from "./operation.ts";

const ofQueue = { tag: "Queues", parameters: z.object({ queue: QueueName }) } as const;

/** The operations about queues: how they stand, how they run, trials and preflights. */
export const QUEUE_OPERATIONS: readonly Operation[] = [
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
];
