import * as z from "zod";
import { CodedError } from "../../contracts/errors.ts";
import { type EpochMs, epochMs } from "../../contracts/time.ts";
import type { GitHubClient } from "./client.ts";

const Answer = z.looseObject({
  data: z.record(z.string(), z.unknown()).nullish(),
  errors: z
    .array(z.looseObject({ type: z.string().optional(), message: z.string(), path: z.array(z.unknown()).optional() }))
    .optional(),
});

const MINUTE_MS = 60_000;

/** GitHub Enterprise Server has its GraphQL API beside the REST API: `https://HOST/api/v3` is `https://HOST/api/graphql`. */
const graphqlAt = (api: string): string => api.replace(/\/api\/v3$/, "/api");

/**
 * Asks GitHub's GraphQL API. What a query asks for and GitHub does not have is null in the answer. One call. Throws as GitHubClient does,
 * also for the errors that GraphQL tells in an answer 200.
 */
export async function graphql(
  { call, api, now }: Pick<GitHubClient, "call" | "api" | "now">,
  query: string,
  variables: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const { data: body, headers } = await call("POST /graphql", { baseUrl: graphqlAt(api), query, variables });
  const { data, errors = [] } = Answer.parse(body);
  const [error] = errors.filter(({ type }) => type !== "NOT_FOUND");
  if (error !== undefined) throw told(error, headers as Headers, now());
  return data ?? {};
}

type Headers = Readonly<Record<string, string | number | undefined>>;

function told({ type, message }: { type?: string | undefined; message: string }, headers: Headers, now: EpochMs) {
  if (type === "RATE_LIMITED" || type === "RATE_LIMIT") {
    const reset = Number(headers["x-ratelimit-reset"] ?? 0) * 1_000;
    const retryAt = reset > now ? epochMs(reset) : epochMs(now + MINUTE_MS);
    return new CodedError(
      "github.limited",
      `GitHub takes no more calls until ${new Date(retryAt).toISOString()} (${message})`,
      { detail: { retryAt } },
    );
  }
  if (type === "FORBIDDEN" || type === "INSUFFICIENT_SCOPES")
    return new CodedError(
      "config.invalid",
      `The credentials may not do this (${message}): grant them what doc/howto/github.md lists`,
    );
  return new CodedError("github.unavailable", `GitHub did not answer (${message})`);
}
