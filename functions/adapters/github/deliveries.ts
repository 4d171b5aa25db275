import { createAppAuth } from "@octokit/auth-app";
import { request } from "@octokit/request";
import { z } from "zod";
import type { EpochMs } from "../../contracts/time.ts";
import type { GitHubCredentials } from "./credentials.ts";
import { translatedError } from "./errors.ts";

const Item = z.looseObject({
  id: z.int(),
  guid: z.string(),
  delivered_at: z.iso.datetime(),
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
 * again. Answers how many. Throws as GitHubClient does.
 */
export async function redeliver({ api, app, since, now }: Redelivering): Promise<number> {
  const base = request.defaults({ baseUrl: api, headers: { "user-agent": "submitqueue" } });
  try {
    const { token } = await createAppAuth({ appId: app.appId, privateKey: app.privateKey, request: base })({
      type: "app",
    });
    const call = base.defaults({ headers: { authorization: `bearer ${token}` } });
    const missed = missedAmong(await deliveriesSince(call, since));
    for (const { id } of missed) await call("POST /app/hook/deliveries/{delivery_id}/attempts", { delivery_id: id });
    return missed.length;
  } catch (error) {
    throw translatedError(error, now);
  }
}

async function deliveriesSince(call: typeof request, since: EpochMs): Promise<readonly Item[]> {
  const found: Item[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const { data } = await call("GET /app/hook/deliveries", {
      per_page: 100,
      ...(cursor === undefined ? {} : { cursor }),
    });
    const items = z.array(Item).parse(data);
    found.push(...items.filter((item) => Date.parse(item.delivered_at) >= since));
    const last = items.at(-1);
    if (items.length < 100 || last === undefined || Date.parse(last.delivered_at) < since) break;
    cursor = String(last.id);
  }
  return found;
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
