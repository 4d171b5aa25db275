import * as z from "zod";
import { type Made, make } from "../adapters/git/commits.ts";
import { asBytes } from "../adapters/git/encodings.ts";
import { type PinnedChange, pinned, type RemoteRefs, tipOf } from "../adapters/git/pinned-changes.ts";
import { seenRef } from "../adapters/git/refs.ts";
import type { Repository } from "../adapters/git/repository.ts";
import { MOVED_ROOT, movedRef } from "../contracts/build-refs.ts";
import { ChangeUri } from "../contracts/change-uri.ts";
import { BatchId, type GitSha } from "../contracts/ids.ts";
import { identity, type Stamp, sealed, unsealed } from "./landing-records.ts";
import type { Keeper } from "./records-tree.ts";

// With `markMerged: moveHead`, a landing moves the head branch of a pull request to the commit that the change lands as, before the trunk is
// pushed. A record of each move is on the remote from before the branch moves until the push of the trunk, or until the branch is put back.

/** A pull request, and the branch that it was based on before the landing based it on the trunk. */
const PullBase = z.object({ pull: z.int().positive(), base: z.string() });
export type PullBase = z.infer<typeof PullBase>;

const MovedRecord = z.object({ batchId: BatchId, uri: ChangeUri, branch: z.string(), bases: z.array(PullBase) });

/** The move of a pull request's head branch, without refs/heads/, from the pinned commit `from` to the commit that lands. */
export interface HeadMove extends z.infer<typeof MovedRecord> {
  readonly from: GitSha;
  readonly to: GitSha;
}

/** An annotated tag at `movedRef(to)`. The tag points at `from`, so that the commits of the pull request can be put back. */
export function movedRecord(keeper: Keeper, { batchId, uri, branch, bases, from, to }: HeadMove, stamp: Stamp): Made {
  const head = `object ${from}\ntype commit\ntag moved\ntagger ${identity(stamp)}`;
  return make("tag", asBytes(`${head}\n\n${sealed(keeper, movedRef(to), { batchId, uri, branch, bases })}\n`));
}

/** The record at `movedRef(to)`, by the message of its tag. Undefined when this installation did not write the record. */
export function readMoved(keeper: Keeper, to: GitSha, message: string): HeadMove | undefined {
  const record = unsealed(MovedRecord, keeper, movedRef(to), message.trim());
  const from = record && pinned(record.uri)?.sha;
  return record === undefined || from === undefined ? undefined : { ...record, from, to };
}

/** Of the changes whose ref does not hold the pinned commit, those whose head branch a landing of this installation has moved there. */
export async function movedAmong(
  repository: Repository,
  keeper: Keeper,
  { seen }: RemoteRefs,
  changes: readonly PinnedChange[],
): Promise<ReadonlyMap<ChangeUri, HeadMove>> {
  const elsewhere = changes.flatMap(({ uri, sha, ref }) => {
    const tip = seen.get(tipOf(ref))?.sha;
    return tip === undefined || tip === sha ? [] : [{ uri, tip, name: `${seenRef(MOVED_ROOT)}${tip}` }];
  });
  const objects = await repository.opened.objects.readAll([...new Set(elsewhere.map(({ name }) => name))]);
  const moved = new Map<ChangeUri, HeadMove>();
  for (const { uri, tip, name } of elsewhere) {
    const object = objects.get(name);
    if (object?.type !== "tag") continue;
    const [, message = ""] = object.body.toString("utf8").split("\n\n", 2);
    const move = readMoved(keeper, tip, message);
    if (move?.uri === uri) moved.set(uri, move);
  }
  return moved;
}
