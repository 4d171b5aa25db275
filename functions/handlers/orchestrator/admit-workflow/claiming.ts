import type { Claim, ClaimsStore } from "../../../adapters/dynamodb/claims-store.ts";
import type { RequestsStore } from "../../../adapters/dynamodb/requests-store.ts";
import { LOST, retryOnConflict } from "../../../adapters/dynamodb/retry-on-conflict.ts";
import { type ChangeUri, changeKey } from "../../../contracts/change-uri.ts";
import type { Land } from "../../../contracts/messages/request-messages.ts";
import type { Reason } from "../../../contracts/reasons.ts";
import type { EpochMs } from "../../../contracts/time.ts";
import { requestHasEnded } from "../../../domain/request.ts";
import { reasonOf } from "../reasons.ts";

export interface Claiming {
  readonly requests: RequestsStore;
  readonly claims: ClaimsStore;
  readonly now: () => EpochMs;
}

/**
 * Claims every change of the request. The reason for a refusal when another request holds one of them: then the claims of the other changes
 * stay until the request has ended. One call per change.
 */
export async function claimChanges(stores: Claiming, { sqid, queue, changes }: Land): Promise<Reason | undefined> {
  // Every request claims in the same order, so that of two requests with the same changes one gets all of them.
  const inOrder = changes.map((uri) => ({ uri, key: changeKey(uri) })).sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const { uri } of inOrder) {
    const held = await claimOrHolder(stores, queue, { owner: sqid, uri });
    if (held) return duplicate(uri, held);
  }
  return undefined;
}

/**
 * Why a request with these changes would be refused because another request holds one of them. Undefined when none is held. Claims nothing.
 * One call per change, and one more when it is claimed.
 */
export async function duplicateOf(
  { requests, claims }: Pick<Claiming, "requests" | "claims">,
  queue: Land["queue"],
  changes: Land["changes"],
): Promise<Reason | undefined> {
  for (const uri of changes) {
    const held = await claims.holder(queue, uri);
    const owner = held && (await requests.get(held.owner));
    if (held && owner && !requestHasEnded(owner.state)) return duplicate(uri, held);
  }
  return undefined;
}

/**
 * Claims one change. The claim of another request when that holds the change; undefined when the change is claimed now. A claim whose owner
 * has ended, or does not exist, is taken over.
 */
async function claimOrHolder(
  { requests, claims, now }: Claiming,
  queue: Land["queue"],
  claim: Claim,
): Promise<Claim | undefined> {
  let endedOwner = claim.owner;
  return retryOnConflict<Claim | undefined>(`the claim on ${claim.uri}`, async () => {
    if (await claims.claim(queue, claim, now(), endedOwner)) return undefined;
    const held = await claims.holder(queue, claim.uri);
    if (held === undefined) return LOST;
    const owner = await requests.get(held.owner);
    if (owner && !requestHasEnded(owner.state)) return held;
    endedOwner = held.owner;
    return LOST;
  });
}

function duplicate(uri: ChangeUri, held: Claim): Reason {
  const message =
    held.uri === uri
      ? `${uri} is in flight already, as ${held.owner}. Follow that request, or cancel it and land this one again.`
      : `Another commit of this change is in flight, as ${held.owner} (${held.uri}). Cancel that request or wait for its end, then land ${uri} again.`;
  return reasonOf("change.duplicate", message);
}
