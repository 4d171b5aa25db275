export type { LandBody } from "../functions/contracts/api/land-call.ts";
export type { Problem } from "../functions/contracts/api/problem.ts";
export type { Preflight, Trial } from "../functions/contracts/api/question-views.ts";
export type { QueueView } from "../functions/contracts/api/queue-views.ts";
export type {
  HistoryEntry,
  HistoryPage,
  RequestPage,
  RequestSummary,
  Why,
} from "../functions/contracts/api/request-views.ts";
export type { Me, Ping, Rights } from "../functions/contracts/api/service-views.ts";
export { ApiError, type Failure } from "./api-error.ts";
export {
  Client,
  type ClientOptions,
  type LandOptions,
  QueueClient,
  type RequestId,
  type WaitOptions,
} from "./client.ts";
export { follow } from "./follow.ts";
export type { QueueNow } from "./queue-now.ts";
