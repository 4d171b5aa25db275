import type { HistoryEntry } from "../functions/contracts/api/request-views.ts";
import type { Blocker, Happening, Status } from "../functions/contracts/log-event.ts";

const OF_STATUS: Readonly<Record<Status, string | undefined>> = {
  accepted: "Asked to land",
  started: "Its changes are being checked",
  validating: "Tried on the target branch",
  validated: "Its changes are valid",
  batched: "Joined the queue",
  speculated: "Enough builds have passed",
  landing: "Being pushed to the target branch",
  cancelling: "Being cancelled",
  landed: "Landed",
  error: "Refused",
  cancelled: "Cancelled",
  batching: undefined,
  speculating: undefined,
};

const OF_EVENT: Readonly<Record<Happening, string>> = {
  building: "Build started",
  built: "Build passed",
  build_failed: "Build failed",
  waiting: "Waits to land",
  blocked: "Waits",
  invalidated: "A request ahead turned out otherwise than the build assumed: it is built again",
  retrying: "The build is repeated",
  build_stopped: "Build given up: its outcome was no longer needed",
  prioritized: "Got another priority",
  cancel_too_late: "Cancelled too late: it has landed",
  joined: "Took its place in the order",
};

const OF_BLOCKER: Readonly<Record<Blocker, string>> = {
  dependency: "Waits for the requests ahead",
  budget: "Waits for a free build slot",
  pause: "Waits: the queue is paused",
  "missing-path": "Waits to be built until more of the requests ahead are decided",
  failure: "A build failed; which request is at fault is known once the requests ahead are decided",
  probation: "Waits for one of its own builds to pass",
  repository: "Waits for the repository, which does not answer",
  host: "The host refused the push; it is tried again",
  "trunk.red": "Waits: the target branch itself fails",
  "trunk.unproven": "Waits: the target branch itself is being built",
  review: "Waits for the review of its pull request",
  checks: "Waits for the checks of its pull request",
};

/**
 * What an entry of a request's history says to people, in one line: `Landed as 0123456789ab`, `Waits for the requests ahead: #3, #5`.
 * Undefined for an entry that only says that the next one comes. An entry of a later release, which is not known here, is its own name.
 */
export function happeningOf({ status, event, metadata }: HistoryEntry): string | undefined {
  if (status === "landed" && metadata["commit"] !== undefined)
    return `${OF_STATUS.landed} as ${String(metadata["commit"]).slice(0, 12)}`;
  if (status !== undefined) return Object.hasOwn(OF_STATUS, status) ? OF_STATUS[status] : status;
  if (event === undefined) return undefined;
  const blocker = String(metadata["blocker"]);
  const words = event === "blocked" && isBlocker(blocker) ? OF_BLOCKER[blocker] : wordsOfEvent(event);
  const on = metadata["on"];
  return on === undefined ? words : `${words}: ${String(on).split(" ").map(numberOf).join(", ")}`;
}

const wordsOfEvent = (event: Happening): string => (Object.hasOwn(OF_EVENT, event) ? OF_EVENT[event] : event);

/** The page is built without zod, so no schema of contracts is used here. */
const isBlocker = (name: string): name is Blocker => Object.hasOwn(OF_BLOCKER, name);

const numberOf = (label: string): string => `#${label}`;
