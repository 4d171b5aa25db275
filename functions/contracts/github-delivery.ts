import { z } from "zod";
import { Delivery, RepositoryName } from "./github.ts";
import { GitSha } from "./ids.ts";
import { cut } from "./text.ts";

const User = z.looseObject({ login: z.string(), type: z.string().default("User") });
const Payload = z.looseObject({
  action: z.string(),
  repository: z.looseObject({ full_name: RepositoryName }),
  sender: User,
  comment: z.looseObject({ id: z.int(), body: z.string().default(""), created_at: z.iso.datetime() }).optional(),
  issue: z.looseObject({ number: z.int(), pull_request: z.unknown().optional() }).optional(),
  pull_request: z
    .looseObject({ number: z.int(), head: z.looseObject({ sha: GitSha }), updated_at: z.iso.datetime().optional() })
    .optional(),
  label: z.looseObject({ name: z.string() }).optional(),
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
 * What the queue goes by of a webhook. Undefined for a payload that concerns no pull request, or of a shape that is not known.
 * `timeOf` reads a time as milliseconds.
 */
export function deliveryOf(
  id: string,
  event: string,
  payload: unknown,
  timeOf: (text: string) => number,
): Delivery | undefined {
  const parsed = Payload.safeParse(payload);
  if (!parsed.success) return undefined;
  const { action, repository, sender, comment, issue, pull_request: pull, label, check_run: check } = parsed.data;
  const { check_suite: suite } = parsed.data;
  const number =
    pull?.number ??
    suite?.pull_requests[0]?.number ??
    (issue?.pull_request ? issue.number : pullOf(check?.external_id));
  if (number === undefined) return undefined;
  const head = pull?.head.sha ?? check?.head_sha ?? suite?.head_sha;
  const at = comment?.created_at ?? pull?.updated_at;
  const button = parsed.data.requested_action?.identifier;
  const found = Delivery.safeParse({
    v: 1,
    kind: "delivery",
    id,
    event: `${event}.${action}`,
    repository: repository.full_name,
    pull: number,
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

function pullOf(externalId: string | null | undefined): number | undefined {
  const [, number] = /#(\d+)$/.exec(externalId ?? "") ?? [];
  return number === undefined ? undefined : Number(number);
}
