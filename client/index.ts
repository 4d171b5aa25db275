export type {
  HistoryEntry,
  HistoryPage,
  LandBody,
  Me,
  Ping,
  Preflight,
  Problem,
  QueueView,
  RequestPage,
  RequestSummary,
  Rights,
  Trial,
  Why,
} from "../functions/contracts/api.ts";
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
