import { DeleteCommand, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { getPayload, putPayload } from "../../../functions/adapters/dynamodb/payloads.ts";
import { payloadKey } from "../../../functions/contracts/tables.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { clientWith } from "./table.ts";

const client = await clientWith("payloads");

const now = epochMs(1_000);
const Texts = z.array(z.string());
const put = (value: unknown) => putPayload(client, "payloads", value, now);

describe("a payload", () => {
  it.each([
    ["of a few bytes", ["a"], 1],
    ["of any characters", ["\u0000\n🚀\ud800é"], 1],
    ["of two megabytes, a part per 300 KB", Array.from({ length: 20 }, (_, n) => String(n % 10).repeat(100_000)), 7],
  ])("%s is read as it was written", async (_, value, parts) => {
    const ref = await put(value);
    expect(ref).toMatchObject({ table: "payloads", parts });
    expect(await getPayload(client, ref, Texts)).toEqual(value.map((text) => text.toWellFormed()));
  });

  it("has the same address however often it is written, and expires", async () => {
    const [first, second] = [await put(["same"]), await put(["same"])];
    expect(second).toEqual(first);
    const { Item } = await client.send(new GetCommand({ TableName: "payloads", Key: payloadKey(first.id, 1) }));
    expect(Item).toMatchObject({ v: 1, expiresAt: 1 + 60 * 86_400 });
  });

  it.each([
    ["missing", (Key: object) => new DeleteCommand({ TableName: "payloads", Key: { ...Key } })],
    ["another", (Key: object) => new PutCommand({ TableName: "payloads", Item: { ...Key, v: 1, text: '["other"]' } })],
  ])("of which a part is %s is not taken for what was written", async (_, spoil) => {
    const ref = await put([String(_), "x".repeat(400_000)]);
    await client.send(spoil(payloadKey(ref.id, 2)) as PutCommand);
    await expect(getPayload(client, ref, Texts)).rejects.toMatchObject({ code: "internal" });
  });
});
