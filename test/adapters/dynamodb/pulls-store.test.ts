import { DeleteCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { putAll } from "../../../functions/adapters/dynamodb/batch-write.ts";
import { CONTENT_LIMITS, type PullsStore, pullsStore } from "../../../functions/adapters/dynamodb/pulls-store.ts";
import { retryAtOf } from "../../../functions/adapters/github/errors.ts";
import { PullRow } from "../../../functions/contracts/github.ts";
import { GitSha, Sqid } from "../../../functions/contracts/ids.ts";
import { pullKeys } from "../../../functions/contracts/tables.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { type Dynalite, startDynalite } from "../../support/dynalite.ts";

let dynalite: Dynalite;
let pulls: PullsStore;
const unreadable: string[] = [];
beforeAll(async () => {
  dynalite = await startDynalite("pulls");
  pulls = pullsStore(dynalite.client, "pulls", ({ message }) => unreadable.push(message));
});
afterAll(() => dynalite.stop());

const REPOSITORY = "acme/shop";
const NOW = epochMs(Date.UTC(2026, 10, 26, 9, 0, 30));
const row = (pull: number, more: object = {}): PullRow =>
  PullRow.parse({ repository: REPOSITORY, pull, shown: {}, open: true, version: 0, ...more });

describe("the pulls store", () => {
  it("lists the pull requests beside one that can't be read, and says which that is", async () => {
    await pulls.put(row(41), NOW);
    await putAll(dynalite.client, [{ table: "pulls", item: { ...pullKeys.open(REPOSITORY, 42), pull: "42" } }]);
    expect(await pulls.open()).toContainEqual({ repository: REPOSITORY, pull: 41 });
    expect(unreadable.splice(0)).toEqual([expect.stringMatching(/^open acme\/shop#42 can't be read/)]);
    await dynalite.client.send(new DeleteCommand({ TableName: "pulls", Key: pullKeys.open(REPOSITORY, 42) }));
    await dynalite.client.send(new DeleteCommand({ TableName: "pulls", Key: pullKeys.open(REPOSITORY, 41) }));
  });

  it("counts the writes of a row, and takes none that was made from an older one", async () => {
    const first = await pulls.put(row(1), NOW);
    expect(first.version).toBe(1);
    await expect(pulls.put(row(1), NOW)).rejects.toMatchObject({ code: "store.version_conflict" });
    const second = await pulls.put({ ...first, seen: ["gh-7"] }, NOW);
    expect(second.version).toBe(2);
    await expect(pulls.put(first, NOW)).rejects.toMatchObject({ code: "store.version_conflict" });
    expect(await pulls.get({ repository: REPOSITORY, pull: 1 })).toEqual({ ...second, seen: ["gh-7"] });
    expect(await pulls.get({ repository: REPOSITORY, pull: 99 })).toBeUndefined();
  });

  it("lists what is open, of all repositories, and nothing once it is closed", async () => {
    const [mine, other] = [row(11), row(11, { repository: "acme/docs" })];
    const written = await pulls.put(mine, NOW);
    await pulls.put(other, NOW);
    const listed = async () => (await pulls.open()).filter(({ pull }) => pull === 11);
    expect(await listed()).toHaveLength(2);
    await pulls.put({ ...written, open: false }, NOW);
    expect(await listed()).toEqual([{ repository: "acme/docs", pull: 11 }]);
  });

  it("knows the pull requests of a request, the lowest first, and those of a head commit", async () => {
    const [one, two] = ["a", "b"].map((digit) => GitSha.parse(digit.repeat(40))) as [GitSha, GitSha];
    const member = (pull: number, head: GitSha) => ({ pull, head, base: "main" });
    await pulls.place(Sqid.parse("main/7"), REPOSITORY, [member(3, one), member(2, two)], NOW);
    await pulls.place(Sqid.parse("main/9"), REPOSITORY, [member(12, two)], NOW);
    expect(await pulls.pullsAt("Acme/Shop", two)).toEqual([2, 12]);
    expect(await pulls.pullsAt("acme/other", two)).toEqual([]);
    expect(await pulls.placeOf("main/7")).toMatchObject({ repository: REPOSITORY, pulls: [3, 2] });
    expect(await pulls.placeOf("main/8")).toBeUndefined();
  });

  it("takes no more new content in a minute than GitHub does, and says when the next minute begins", async () => {
    for (let n = 0; n < CONTENT_LIMITS.minute; n++) await pulls.spend(REPOSITORY, NOW);
    const error = await pulls.spend(REPOSITORY, NOW).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "github.limited" });
    expect(retryAtOf(error)).toBe(Date.UTC(2026, 10, 26, 9, 1, 0));
    // An installation of the App is on all repositories of an owner.
    await expect(pulls.spend("acme/docs", NOW)).rejects.toMatchObject({ code: "github.limited" });
    await pulls.spend("other/docs", NOW);
    await pulls.spend(REPOSITORY, epochMs(NOW + 30_000));
  });
});
