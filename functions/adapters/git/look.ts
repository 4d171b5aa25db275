import { exclusively } from "./lock.ts";
import type { GitObject } from "./object-reader.ts";
import { ifPresent, seenRef } from "./refs.ts";

/** What to read: refs of the remote, and objects by any name that git resolves. */
interface Look {
  readonly refs: readonly string[];
  readonly objects: readonly string[];
}

/** The objects that were found, by the names that were asked for. A name that no object has is absent. */
export type Seen = ReadonlyMap<string, GitObject>;

interface Waiting extends Look {
  readonly answer: PromiseWithResolvers<Seen>;
}

/** The repository that is read. `fetch` throws when the remote does not answer, and not when the remote has nothing for a refspec. */
export interface Looking {
  readonly directory: string;
  fetch(refspecs: readonly string[]): Promise<void>;
  read(names: readonly string[]): Promise<Seen>;
}

/** How many refspecs fit into the arguments of one git process. */
const MAX_REFS = 200;

const waiting = new Map<string, Waiting[]>();

/**
 * Reads refs of the remote, as they are at some moment after the call, and objects. The answer holds each ref and object that exists, by name.
 * Calls that wait at the same time share one fetch when their `access` is the same: the remote and the credentials. When a shared fetch fails,
 * each call fetches by itself, so that the refs of one call can't fail another.
 */
export function look(looking: Looking, access: string, { refs, objects }: Look): Promise<Seen> {
  const answer = Promise.withResolvers<Seen>();
  const queue = waiting.get(access) ?? [];
  waiting.set(access, queue);
  queue.push({ refs, objects, answer });
  if (queue.length === 1) void exclusively(looking.directory, () => takeTurn(looking, access, queue));
  return answer.promise;
}

async function takeTurn(looking: Looking, access: string, queue: Waiting[]): Promise<void> {
  const together = queue.splice(0, countOf(queue));
  if (queue.length === 0) waiting.delete(access);
  else void exclusively(looking.directory, () => takeTurn(looking, access, queue));
  try {
    await lookTogether(looking, together);
  } catch (error) {
    if (together.length === 1) for (const { answer } of together) answer.reject(error);
    else for (const one of together) await lookTogether(looking, [one]).catch(one.answer.reject);
  }
}

/** How many of the waiting calls, from the first one on, fit into one fetch. At least one. */
function countOf(queue: readonly Waiting[]): number {
  let [count, refs] = [0, 0];
  for (const one of queue) {
    refs += one.refs.length;
    if (count > 0 && refs > MAX_REFS) break;
    count += 1;
  }
  return count;
}

async function lookTogether({ fetch, read }: Looking, looks: readonly Waiting[]): Promise<void> {
  const refs = [...new Set(looks.flatMap((one) => one.refs))];
  if (refs.length > 0) await fetch(refs.map(ifPresent));
  const found = await read([...new Set([...refs.map(seenRef), ...looks.flatMap(({ objects }) => objects)])]);
  for (const one of looks) {
    const named = [
      ...one.refs.map((ref) => [ref, found.get(seenRef(ref))] as const),
      ...one.objects.map((name) => [name, found.get(name)] as const),
    ];
    one.answer.resolve(new Map(named.filter((entry): entry is readonly [string, GitObject] => entry[1] !== undefined)));
  }
}
