import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ClaimsStore, claimsStore } from "../../../functions/adapters/dynamodb/claims-store.ts";
import { ChangeUri } from "../../../functions/contracts/change-uri.ts";
import { QueueName, Sqid } from "../../../functions/contracts/ids.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { type Dynalite, startDynalite } from "../../support/dynalite.ts";

let dynalite: Dynalite;
let claims: ClaimsStore;
beforeAll(async () => {
  dynalite = await startDynalite("claims");
  claims = claimsStore(dynalite.client, "claims");
});
afterAll(() => dynalite.stop());

const queue = QueueName.parse("main");
const [first, second, third] = ["main/1", "main/2", "main/3"].map((id) => Sqid.parse(id)) as [Sqid, Sqid, Sqid];
const change = (name: string, commit = "a") =>
  ChangeUri.parse(`git://git.example/shop/refs%2Fheads%2F${name}/${commit.repeat(40)}`);
const now = epochMs(1_000);

describe("the claims store", () => {
  it("gives a change to the first request that claims it, and to the same request again", async () => {
    const uri = change("first");
    expect(await claims.claim(queue, { owner: first, uri }, now)).toBe(true);
    expect(await claims.claim(queue, { owner: second, uri }, now)).toBe(false);
    expect(await claims.claim(queue, { owner: first, uri }, now)).toBe(true);
    expect(await claims.holder(queue, uri)).toEqual({ owner: first, uri });
  });

  it("takes two commits of one branch for one change", async () => {
    await claims.claim(queue, { owner: first, uri: change("moved", "a") }, now);
    expect(await claims.claim(queue, { owner: second, uri: change("moved", "b") }, now)).toBe(false);
    expect(await claims.holder(queue, change("moved", "b"))).toEqual({ owner: first, uri: change("moved", "a") });
  });

  it("keeps queues apart", async () => {
    await claims.claim(queue, { owner: first, uri: change("apart") }, now);
    expect(await claims.claim(QueueName.parse("other"), { owner: second, uri: change("apart") }, now)).toBe(true);
  });

  it("lets a claim be taken over from the owner that was seen, and from no other", async () => {
    const uri = change("taken-over");
    await claims.claim(queue, { owner: first, uri }, now);
    expect(await claims.claim(queue, { owner: third, uri }, now, second)).toBe(false);
    expect(await claims.claim(queue, { owner: second, uri }, now, first)).toBe(true);
    expect(await claims.claim(queue, { owner: third, uri }, now, first)).toBe(false);
    expect(await claims.holder(queue, uri)).toEqual({ owner: second, uri });
  });

  it("releases a claim for its owner only, any number of times", async () => {
    const uri = change("released");
    await claims.claim(queue, { owner: first, uri }, now);
    await claims.release(queue, uri, second);
    expect(await claims.holder(queue, uri)).toBeDefined();
    await claims.release(queue, uri, first);
    await claims.release(queue, uri, first);
    expect(await claims.holder(queue, uri)).toBeUndefined();
  });
});
