import { createAppAuth } from "@octokit/auth-app";
import type { request } from "@octokit/request";
import * as z from "zod";
import { CodedError } from "../../contracts/errors.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { callsTo } from "./client.ts";
import type { GitHubCredentials } from "./credentials.ts";
import { translatedError } from "./errors.ts";

const Item = z.looseObject({
  id: z.int(),
  guid: z.string(),
  delivered_at: z.iso.datetime({ offset: true }),
  status: z.string(),
  status_code: z.int(),
});
type Item = z.infer<typeof Item>;

export interface Redelivering {
  readonly api: string;
  readonly app: Extract<GitHubCredentials, { kind: "app" }>;
  /** Deliveries from then on are looked at. GitHub keeps them for three days. */
  readonly since: EpochMs;
  readonly now: EpochMs;
}

/** A delivery that fails this often is given up: what it asked for is found by looking at the pull request, or asked for again. */
const MOST_ATTEMPTS = 5;
const MOST_PAGES = 20;

/**
 * Has GitHub send again each delivery since a moment that never arrived. One call per hundred deliveries, and one per delivery that is sent
 * again. Answers how many. A delivery that GitHub does not send again keeps no other from being sent. Throws as GitHubClient does.
 */
export async function redeliver({ api, app, since, now }: Redelivering): Promise<number> {
  const base = callsTo(api);
  try {
    const { token } = await createAppAuth({ appId: app.appId, privateKey: app.privateKey, request: base })({
      type: "app",
    });
    const call = base.defaults({ headers: { authorization: `bearer ${token}` } });
    return await sendAgain(call, missedAmong(await deliveriesSince(call, since)), now);
  } catch (error) {
    throw translatedError(error, now);
  }
}

/** Answers how many deliveries were sent again. Throws the first failure of GitHub once each delivery was tried, and a limit at once. */
async function sendAgain(call: typeof request, missed: readonly Item[], now: EpochMs): Promise<number> {
  let count = 0;
  let failure: CodedError | undefined;
  for (const { id } of missed) {
    try {
      await call("POST /app/hook/deliveries/{delivery_id}/attempts", { delivery_id: id });
      count += 1;
    } catch (caught) {
      const error = translatedError(caught, now);
      // GitHub does not have the delivery any more, or refuses to send it again.
      if (!(error instanceof CodedError)) continue;
      if (error.code !== "github.unavailable") throw error;
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return count;
}

/** A delivery that is listed in another form than this release knows is left out. */
async function deliveriesSince(call: typeof request, since: EpochMs): Promise<readonly Item[]> {
  const found: Item[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const { data, headers } = await call("GET /app/hook/deliveries", {
      per_page: 100,
      ...(cursor === undefined ? {} : { cursor }),
    });
    const items = z
      .array(z.unknown())
      .parse(data)
      .flatMap((item) => Item.safeParse(item).data ?? []);
    found.push(...items.filter((item) => Date.parse(item.delivered_at) >= since));
    cursor = nextIn(headers.link);
    if (cursor === undefined || items.some((item) => Date.parse(item.delivered_at) < since)) break;
  }
  return found;
}

/** The cursor of the next page, as the header `link` tells it. Undefined on the last page. */
function nextIn(link = ""): string | undefined {
  const [, address] = /<([^>]+)>;\s*rel="next"/.exec(link) ?? [];
  return address === undefined ? undefined : (new URL(address).searchParams.get("cursor") ?? undefined);
}

/** The last attempt of each delivery none of whose attempts arrived. One that has no answer yet is under way. */
function missedAmong(items: readonly Item[]): readonly Item[] {
  return [...Map.groupBy(items, ({ guid }) => guid).values()].flatMap((attempts) => {
    const arrived = attempts.some(({ status_code: code }) => code >= 200 && code < 300);
    const underWay = attempts.some(({ status }) => status === "pending");
    const [newest] = attempts.toSorted((a, b) => b.id - a.id);
    return arrived || underWay || newest === undefined || attempts.length >= MOST_ATTEMPTS ? [] : [newest];
  });
}
