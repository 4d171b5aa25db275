import * as z from "zod";
import { ChangeUri } from "../change-uri.ts";
import { QueueName, RequestNumber } from "../ids.ts";
import { ENDED_STATUSES, hasEnded, STATUSES, Status } from "../log-event.ts";
import { Priority } from "../queues.ts";
import { NoteBody, Seconds, Timestamp } from "./fields.ts";

/** POST /v1/queues/{queue}/requests/{n}/cancel */
export const CancelBody = z.strictObject({ reason: NoteBody.optional() });
export type CancelBody = z.infer<typeof CancelBody>;

/** PATCH /v1/queues/{queue}/requests/{n} */
export const PriorityBody = z.strictObject({ priority: Priority, reason: NoteBody.optional() });
export type PriorityBody = z.infer<typeof PriorityBody>;

/** GET /v1/queues/{queue}/requests/{n}/history: how long the answer may wait until there are more than `known` entries. */
export const HistoryQuery = z.strictObject({
  wait: Seconds.default(0),
  known: z
    .string()
    .regex(/^[0-9]{1,6}$/, "a number of entries")
    .transform(Number)
    .default(0),
});
export type HistoryQuery = z.infer<typeof HistoryQuery>;

/** POST /v1/queues/{queue}/requests/{n}/recheck */
export const RecheckBody = z.strictObject({});

/** The path of every call that names a request. */
export const RequestPath = z.object({
  queue: QueueName,
  n: z
    .string()
    .regex(/^[1-9][0-9]{0,11}$/, "a request's number is a positive integer")
    .transform(Number)
    .pipe(RequestNumber),
});

const ACTIVE = STATUSES.filter((status) => !hasEnded(status));

/** Statuses, separated by commas. `active` and `ended` stand for all statuses of their kind. Example: `active,landed`. */
const StatusFilter = z
  .string()
  .regex(
    new RegExp(`^(${[...STATUSES, "active", "ended"].join("|")})(,(${[...STATUSES, "active", "ended"].join("|")}))*$`),
    `one of active, ended, ${STATUSES.join(", ")}; or several of them, separated by commas`,
  )
  .transform(
    (text): ReadonlySet<Status> =>
      new Set(
        text.split(",").flatMap((name) => {
          if (name === "active") return ACTIVE;
          return name === "ended" ? ENDED_STATUSES : [Status.parse(name)];
        }),
      ),
  );

/** GET /v1/queues/{queue}/requests. The window is half-open: received at or after `since`, before `until`. */
export const ListQuery = z
  .strictObject({
    since: Timestamp.optional(),
    until: Timestamp.optional(),
    change: ChangeUri.optional(),
    status: StatusFilter.optional(),
    /** The e-mail address of the author of the first commit of the request. */
    author: z.string().min(1).max(200).optional(),
    /** The name of the caller who asked for the request. */
    caller: z.string().min(1).max(500).optional(),
    limit: z
      .string()
      .regex(/^[1-9][0-9]*$/, "a whole number from 1 to 200")
      .transform(Number)
      .pipe(z.int().max(200, "a page has at most 200 requests"))
      .default(50),
    page: z.string().min(1).max(1024).optional(),
  })
  .refine(({ since, until }) => since === undefined || until === undefined || since < until, {
    path: ["until"],
    message: "until is later than since",
  });
export type ListQuery = z.infer<typeof ListQuery>;
