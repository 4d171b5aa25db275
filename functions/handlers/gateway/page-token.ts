import { Buffer } from "node:buffer";
import * as z from "zod";
import type { Pointer } from "../../adapters/dynamodb/view-items.ts";
import type { Window } from "../../adapters/dynamodb/view-listings.ts";
import type { ListQuery } from "../../contracts/api/request-calls.ts";
import { CodedError } from "../../contracts/errors.ts";
import { hashOf } from "../../contracts/hash.ts";
import { type QueueName, RequestNumber } from "../../contracts/ids.ts";
import { EpochMs } from "../../contracts/time.ts";

/** The content of a page token. Not secret: a forged token can only make a listing begin at another request. */
const Token = z.strictObject({ of: z.string(), receivedAt: EpochMs, number: RequestNumber });

type Bounds = Pick<ListQuery, "since" | "until" | "change" | "status" | "author" | "caller">;

/** What a token is bound to. The size of the page is not part of it and may change from page to page. */
const listing = (queue: QueueName, { since = "", until = "", change, status, author = "", caller = "" }: Bounds) =>
  hashOf("listing", queue, since, until, change ?? "", [...(status ?? [])].toSorted().join(), author, caller).slice(
    0,
    16,
  );

/** The token of the page that comes after this request. */
export const tokenAfter = (queue: QueueName, bounds: Bounds, { receivedAt, number }: Pointer): string =>
  Buffer.from(JSON.stringify({ of: listing(queue, bounds), receivedAt, number })).toString("base64url");

/** The last request of the page before. Throws page.invalid_token unless the token was given out for this queue and exactly these bounds. */
export function pageBefore(token: string, queue: QueueName, bounds: Bounds, { since, until }: Window): Pointer {
  const { success, data } = Token.safeParse(jsonIn(token));
  if (!success || data.of !== listing(queue, bounds) || data.receivedAt < since || data.receivedAt >= until)
    throw new CodedError(
      "page.invalid_token",
      "Go on with the nextPage of the same listing: the same queue, since, until, change, status, author and caller. Or start anew without page.",
    );
  return { receivedAt: data.receivedAt, number: data.number };
}

function jsonIn(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
