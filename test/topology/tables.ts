import { ScanCommand } from "@aws-sdk/lib-dynamodb";
import type { EnvName } from "../../functions/contracts/environment.ts";
import type { Runtime } from "../../localstack/embedded/runtime.ts";

type Item = Readonly<Record<string, unknown>>;

/** What a function of the deployment is told under this name. */
export function told({ deployment }: Runtime, name: EnvName): string {
  const found = deployment.functions.flatMap(({ environment }) => environment[name] ?? [])[0];
  if (found === undefined) throw new Error(`no function is told ${name}`);
  return found;
}

async function itemsOf({ operator }: Runtime, table: string): Promise<readonly Item[]> {
  const found = await operator.dynamodb.send(new ScanCommand({ TableName: table, ConsistentRead: true }));
  if (found.LastEvaluatedKey !== undefined) throw new Error(`${table} holds more than one scan returns`);
  return found.Items ?? [];
}

/** Everything that the deployment remembers: each table's items, and how many messages each topic holds. */
export async function memory(runtime: Runtime): Promise<unknown> {
  const names = runtime.deployment.tables.map(({ name }) => name);
  const tables = await Promise.all(names.map(async (name) => [name, await itemsOf(runtime, name)] as const));
  return { tables: Object.fromEntries(tables), topics: Object.fromEntries(runtime.depths()) };
}
