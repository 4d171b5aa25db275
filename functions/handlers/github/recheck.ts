import type { PullRow } from "../../contracts/github.ts";
import { holderOf } from "./cancel.ts";
import { asked } from "./gateway-calls.ts";
import type { Service } from "./service.ts";

/**
 * Has the open request of a pull request look at once at the review and the checks that it may wait for. Whether it waits for any, the
 * gateway knows. One call of the gateway; none where no request is open. A repeat is harmless.
 */
export async function recheck(service: Service, row: PullRow): Promise<void> {
  const holder = await holderOf(service, row);
  const { sqid, queue } = holder?.asked ?? {};
  if (sqid !== undefined && queue !== undefined) await asked(service.gateway.queue(queue).recheck(sqid));
}
