import { expect, it } from "vitest";
import { ListQuery } from "../../../functions/contracts/api/request-calls.ts";
import { RequestPage } from "../../../functions/contracts/api/request-views.ts";
import { ChangeUri } from "../../../functions/contracts/change-uri.ts";
import { QueueName, RequestNumber, sqidOf } from "../../../functions/contracts/ids.ts";
import { AWS_LIMITS } from "../../../functions/contracts/limits.ts";
import type { Land } from "../../../functions/contracts/messages/request-messages.ts";
import { bytesOf } from "../../../functions/contracts/text.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { openingOf } from "../../../functions/domain/request-log.ts";
import { acceptedEntry } from "../../../functions/handlers/gateway/announce.ts";
import { list } from "../../../functions/handlers/gateway/calls/list.ts";
import type { Gateway } from "../../../functions/handlers/gateway/gateway.ts";
import type { Call } from "../../../functions/handlers/http-call.ts";
import { change } from "./harness.ts";

const queue = QueueName.parse("main");
const uris = Array.from({ length: 50 }, (_, j) => ChangeUri.parse(`${change(`c${j}`)}?${"x".repeat(940)}`));

/** A request as large as they come. */
function large(n: number) {
  const number = RequestNumber.parse(n);
  const sqid = sqidOf(queue, number);
  const land: Land = { v: 1, kind: "land", queue, sqid, changes: uris, strategy: "REBASE", receivedAt: epochMs(n) };
  return openingOf(land, number, acceptedEntry(land));
}

it("requests that are too large for one answer of Lambda are pages, not an error", async () => {
  const newestFirst = Array.from({ length: 180 }, (_, i) => large(180 - i));
  const route = list({
    queues: new Map([[queue, {}]]),
    view: {
      unanswered: async () => [],
      received: async (_queue: unknown, _window: unknown, limit: number, before?: { number: number }) => {
        const older = newestFirst.filter(({ number }) => before === undefined || number < before.number);
        return { pointers: older.slice(0, limit), more: older.length > limit };
      },
      summaries: async (_queue: unknown, numbers: readonly number[]) =>
        new Map(newestFirst.filter(({ number }) => numbers.includes(number)).map((one) => [one.number, one])),
    },
  } as unknown as Gateway);
  const pageAt = async (page: string | undefined) => {
    const query = ListQuery.parse({ limit: "200", ...(page === undefined ? {} : { page }) });
    const { body } = await route.answer({ param: () => "main", query: () => query } as unknown as Call);
    const answer = { statusCode: 200, body: JSON.stringify(body) };
    expect(bytesOf(JSON.stringify(answer))).toBeLessThan(AWS_LIMITS.lambdaPayloadBytes);
    return RequestPage.parse(body);
  };
  const seen: number[] = [];
  let page: string | undefined;
  do {
    const { requests, nextPage } = await pageAt(page);
    expect(requests.length).toBeGreaterThan(0);
    seen.push(...requests.map(({ number }) => number));
    page = nextPage;
  } while (page !== undefined);
  expect(seen).toEqual(newestFirst.map(({ number }) => number));
});
