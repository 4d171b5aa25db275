import { createRequire } from "node:module";
import { afterEach, expect, it, vi } from "vitest";
import { openTables, type Tables } from "../../localstack/embedded/tables.ts";
import { until } from "../support/wait.ts";

const store: { create: (options: object) => { tableDb: { get(...args: unknown[]): unknown } } } = createRequire(
  import.meta.url,
)("dynalite/db");

let tables: Tables;
afterEach(() => tables.close());

const TableName = "things";
const spec = {
  name: TableName,
  keys: [{ AttributeName: "pk", KeyType: "HASH" as const }],
  attributes: [{ AttributeName: "pk", AttributeType: "S" as const }],
};
const Key = { pk: { S: "one" } };
const get = () => tables.answer("GetItem", { TableName, Key });

it("what a table is, is read once for many calls", async () => {
  const created = vi.spyOn(store, "create");
  tables = await openTables(undefined, []);
  const [opened] = created.mock.results;
  created.mockRestore();
  await tables.create(spec);
  if (opened?.type !== "return") throw new Error("no store was opened");
  const reads = vi.spyOn(opened.value.tableDb, "get");
  await tables.answer("PutItem", { TableName, Item: Key });
  for (let call = 0; call < 3; call++) expect(await get()).toMatchObject({ status: 200, body: { Item: Key } });
  expect(reads).toHaveBeenCalledTimes(1);
});

it("a table that was deleted is not found, and is empty when it was made again", async () => {
  tables = await openTables(undefined, []);
  await tables.create(spec);
  await tables.answer("PutItem", { TableName, Item: Key });
  expect(await get()).toMatchObject({ body: { Item: Key } });
  await tables.answer("DeleteTable", { TableName });
  expect(await get()).toMatchObject({ status: 400, body: { __type: expect.stringMatching(/ResourceNotFound/) } });
  await until(async () => (await tables.answer("DescribeTable", { TableName })).status === 400);
  await tables.create(spec);
  expect(await get()).toMatchObject({ status: 200, body: {} });
});
