import type { QueueView, RequestSummary } from "../functions/contracts/api.ts";

/** TEMPORARY until contracts have it. */
export interface QueueSummary extends QueueView {
  readonly modeBy?: string;
  readonly budget: number;
  readonly counts: { readonly waiting: number; readonly building: number; readonly landing: number };
  readonly ended: Readonly<Record<"lastHour" | "lastDay", { landed: number; refused: number; cancelled: number }>>;
  readonly timeToLand: { readonly count: number; readonly medianSeconds?: number; readonly p95Seconds?: number };
  readonly buildsRunning: number;
}
export interface BuildNow {
  readonly buildKey: string;
  readonly state: string;
  readonly url?: string;
  readonly startedAt: string;
  readonly base: readonly string[];
  readonly bundledWith?: readonly string[];
}
export interface RequestNow {
  readonly sqid: string;
  readonly number: number;
  readonly status: RequestSummary["status"];
  readonly priority: number;
  readonly author?: string;
  readonly title?: string;
  readonly changes: readonly string[];
  readonly caller?: string;
  readonly receivedAt: string;
  readonly updatedAt: string;
  readonly blocker?: string;
  readonly on?: readonly string[];
  readonly sentence: string;
  readonly estimateSeconds?: number;
  readonly builds: readonly BuildNow[];
}
export interface EndedNow {
  readonly sqid: string;
  readonly number: number;
  readonly status: RequestSummary["status"];
  readonly reason?: { readonly code: string; readonly message: string };
  readonly endedAt: string;
  readonly commit?: string;
}
export interface QueueNow extends QueueSummary {
  readonly requests: readonly RequestNow[];
  readonly more: boolean;
  readonly recent: readonly EndedNow[];
}
export interface QueueList {
  readonly queues: readonly QueueSummary[];
}
