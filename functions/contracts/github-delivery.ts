import * as z from "zod";
import { Delivery, RepositoryName } from "./github.ts";
import { GitSha } from "./ids.ts";
import { cut } from "./text.ts";

const User = z.looseObject({ login: z.string(), type: z.string().default("User") });
const Payload = z.looseObject({
  /** Absent in the payload of a commit status. */
  action: z.string().optional(),
  repository: z.looseObject({ full_name: RepositoryName }),
  sender: User,
  comment: z.looseObject({ id: z.int(), body: z.string().default(""), created_at: z.iso.datetime() }).optional(),
  issue: z.looseObject({ number: z.int(), pull_request: z.unknown().optional() }).optional(),
  pull_request: z
    .looseObject({ number: z.int(), head: z.looseObject({ sha: GitSha }), updated_at: z.iso.datetime().optional() })
    .optional(),
  label: z.looseObject({ name: z.string() }).optional(),
  /** The commit and the state of a commit status. */
  sha: GitSha.optional(),
  state: z.string().optional(),
  check_run: z
    .looseObject({ id: z.int(), name: z.string(), head_sha: GitSha, external_id: z.string().nullish() })
    .optional(),
  check_suite: z
    .looseObject({ head_sha: GitSha, pull_requests: z.array(z.looseObject({ number: z.int() })).default([]) })
    .optional(),
  requested_action: z.looseObject({ identifier: z.string() }).nullish(),
});

/** A comment holds up to 65,536 characters, of which the first line matters. */
const MOST_OF_A_COMMENT = 2_000;

/** The external id of the queue's check run: the request, and the pull request. Example: `main/17#42`. */
export const externalIdOf = (sqid: string, pull: number): string => `${sqid}#${pull}`;

/**
 * A delivery about a commit that names no pull request: the end of a check or a status. GitHub lists pull requests only with some checks, and
 * never those of forks. So they are looked up by the head.
 */
export type CommitDelivery = Omit<Delivery, "pull"> & { readonly head: GitSha };

/** The events that tell of the end of a check, by which a request that waits for checks is to look again. */
const CHECK_EVENTS: readonly string[] = ["check_run.completed", "check_suite.completed", "status"];

/**
 * What the queue goes by of a webhook. Undefined for a payload that concerns no pull request, or of a shape that is not known.
 * `timeOf` reads a time as milliseconds.
 */
export function deliveryOf(
  id: string,
  event: string,
  payload: unknown,
  timeOf: (text: string) => number,
): Delivery | CommitDelivery | undefined {
  const parsed = Payload.safeParse(payload);
  if (!parsed.success) return undefined;
  const { action, repository, sender, comment, issue, pull_request: pull, label, check_run: check } = parsed.data;
  const { check_suite: suite } = parsed.data;
  const number =
    pull?.number ??
    suite?.pull_requests[0]?.number ??
    (issue?.pull_request ? issue.number : pullOf(check?.external_id));
  const what = action === undefined ? event : `${event}.${action}`;
  const head = pull?.head.sha ?? check?.head_sha ?? suite?.head_sha ?? parsed.data.sha;
  const isOfCommit = number === undefined && CHECK_EVENTS.includes(what) && parsed.data.state !== "pending";
  if (number === undefined && (head === undefined || !isOfCommit)) return undefined;
  const at = comment?.created_at ?? pull?.updated_at;
  const button = parsed.data.requested_action?.identifier;
  const found = (number === undefined ? OfCommit : Delivery).safeParse({
    v: 1,
    kind: "delivery",
    id,
    event: what,
    repository: repository.full_name,
    ...(number === undefined ? {} : { pull: number }),
    sender: { login: sender.login, isBot: sender.type === "Bot" },
    ...(comment === undefined
      ? {}
      : {
          comment: { id: comment.id, body: cut(comment.body, MOST_OF_A_COMMENT) },
        }),
    ...(at === undefined ? {} : { at: timeOf(at) }),
    ...(label === undefined ? {} : { label: label.name }),
    ...(head === undefined ? {} : { head }),
    ...(check === undefined
      ? {}
      : { check: { id: check.id, name: check.name, ...(button === undefined ? {} : { button }) } }),
  });
  return found.success ? found.data : undefined;
}

const OfCommit = Delivery.omit({ pull: true }).required({ head: true });

function pullOf(externalId: string | null | undefined): number | undefined {
  const [, number] = /#(\d+)$/.exec(externalId ?? "") ?? [];
  return number === undefined ? undefined : Number(number);
}
