import type {
  EndedRequest,
  QueuedRequest,
  QueueList,
  QueueNow,
  QueueSummary,
} from "../functions/contracts/api/queue-views.ts";

/** The answers that the page is about, by the names that its views use. */
export type { QueueList, QueueNow, QueueSummary };
export type RequestNow = QueuedRequest;
export type BuildNow = QueuedRequest["builds"][number];
export type EndedNow = EndedRequest;
