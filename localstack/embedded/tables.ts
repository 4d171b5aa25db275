import { createRequire } from "node:module";
import { setImmediate as laterTurn } from "node:timers/promises";
import * as z from "zod";
import type { TableSpec } from "./deployment.ts";

/** An answer of DynamoDB: `body` is the result, or the error with its `__type`. */
interface TableAnswer {
  readonly status: number;
  readonly body: object;
}

export interface Tables {
  /** Answers one call of DynamoDB's JSON protocol. Rejects when the store fails. */
  answer(operation: string, input: object): Promise<TableAnswer>;
  /** Makes a table, and returns when it can be used. */
  create(table: Omit<TableSpec, "arn">): Promise<void>;
  close(): Promise<void>;
}

/**
 * dynalite over a LevelDB directory, or in memory when there is no path. Tables that are not there yet are made. Existing tables keep what
 * they hold.
 *
 * The store and the operations of dynalite are loaded by their files, without its HTTP server: the server asks for no credentials,
 * allows every web page to call, and closes its store only when it has listened on a port.
 */
export async function openTables(path: string | undefined, specs: readonly TableSpec[]): Promise<Tables> {
  const store = dynalite.create({ path, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  keepDescriptions(store);
  readAtOnce(store);
  // dynalite opens the store with its first call, and ends the process when that fails.
  await store.db.open();
  const tables: Tables = {
    answer: (operation, input) => answer(store, operation, input),
    create: (table) => createTable(tables, table),
    close: () => store.lifecycleManager.gracefulClose(),
  };
  const existing = new Set(await tableNames(tables));
  for (const spec of specs) if (!existing.has(spec.name)) await tables.create(spec);
  return tables;
}

interface Store {
  readonly db: {
    open(): Promise<void>;
    getSync(key: string): object | undefined;
    /** Undefined when there is no such key. */
    get(key: string, done: (error: unknown, value?: object) => void): void;
  };
  readonly lifecycleManager: { gracefulClose(): Promise<void> };
  /** Reads what a table is. Without `isUsable`: fails unless the table can be used. */
  getTable(name: string, ...rest: readonly [Done] | readonly [isUsable: false, Done]): void;
}
type Done = (error: unknown, result: object) => void;
/** What dynalite has for an operation: the types and the rules of its input, and the operation itself. */
interface Parts {
  readonly types: object;
  readonly custom?: unknown;
  run(store: Store, input: object, done: Done): void;
}

const require = createRequire(import.meta.url);
const dynalite: { create(options: object): Store } = require("dynalite/db");
const validations: {
  toLowerFirst(operation: string): string;
  checkTypes(input: object, types: object): object;
  checkValidations(input: object, types: object, custom: unknown, store: Store): void;
} = require("dynalite/validations");

/** The operations of DynamoDB that the product, an operator and the tests use, and dynalite knows. */
const OPERATIONS: ReadonlySet<string> = new Set([
  "BatchGetItem",
  "BatchWriteItem",
  "CreateTable",
  "DeleteItem",
  "DeleteTable",
  "DescribeTable",
  "DescribeTimeToLive",
  "GetItem",
  "ListTables",
  "PutItem",
  "Query",
  "Scan",
  "UpdateItem",
  "UpdateTable",
]);

/**
 * Has the store read what a table is once, and not for every call. Tables are neither changed nor deleted while the runtime runs: a call that
 * looks at a table as such, such as DeleteTable, reads, and the description is forgotten.
 */
function keepDescriptions(store: Store): void {
  const read = store.getTable.bind(store);
  const kept = new Map<string, object>();
  store.getTable = (name, ...rest) => {
    const [isUsable, done = isUsable] = rest;
    if (isUsable === false || typeof done !== "function") {
      kept.delete(name);
      read(name, ...rest);
      return;
    }
    const known = kept.get(name);
    if (known !== undefined) {
      done(undefined, known);
      return;
    }
    read(name, (error, table) => {
      if (!error) kept.set(name, table);
      done(error, table);
    });
  };
}

/**
 * Has the store read an item in this thread. A read that LevelDB hands to another thread takes 20 µs of processor time, and waits for its
 * turn twice; a read in this thread takes 3 µs.
 */
function readAtOnce({ db }: Store): void {
  db.get = (key, done) => {
    let value: object | undefined;
    try {
      value = db.getSync(key);
    } catch (error) {
      // Not at once: dynalite expects its caller to have returned.
      queueMicrotask(() => done(error));
      return;
    }
    queueMicrotask(() => done(undefined, value));
  };
}

async function answer(store: Store, operation: string, input: object): Promise<TableAnswer> {
  if (!OPERATIONS.has(operation))
    return { status: 400, body: { __type: "com.amazon.coral.service#UnknownOperationException" } };
  const { types, custom, run } = partsOf(operation);
  try {
    const checked = validations.checkTypes(input, types);
    validations.checkValidations(checked, types, custom, store);
    const { promise, resolve, reject } = Promise.withResolvers<object>();
    run(store, checked, (error, result) => (error ? reject(error) : resolve(result)));
    return { status: 200, body: await promise };
  } catch (error) {
    if (isRefusal(error)) return { status: error.statusCode, body: error.body };
    throw error;
  }
}

const parts = new Map<string, Parts>();

/** The parts of dynalite for an operation. Kept, since Node.js looks a module up again each time that it is asked for one. */
function partsOf(operation: string): Parts {
  const known = parts.get(operation);
  if (known !== undefined) return known;
  const name = validations.toLowerFirst(operation);
  const { types, custom }: Pick<Parts, "types" | "custom"> = require(`dynalite/validations/${name}`);
  const found = { types, custom, run: require(`dynalite/actions/${name}`) };
  parts.set(operation, found);
  return found;
}

/** How dynalite says that a call is at fault. */
const isRefusal = (error: unknown): error is { statusCode: number; body: object } =>
  error instanceof Error && "statusCode" in error && "body" in error;

const Listed = z.object({ TableNames: z.array(z.string()) });
const Described = z.object({ Table: z.object({ TableStatus: z.string() }) });

const tableNames = async (tables: Tables): Promise<readonly string[]> =>
  Listed.parse(await ask(tables, "ListTables", {})).TableNames;

async function createTable(tables: Tables, { name, keys, attributes }: Omit<TableSpec, "arn">): Promise<void> {
  await ask(tables, "CreateTable", {
    TableName: name,
    KeySchema: keys,
    AttributeDefinitions: attributes,
    BillingMode: "PAY_PER_REQUEST",
  });
  // The table is made in a later turn of the event loop, even with no delay configured.
  for (let status = ""; status !== "ACTIVE"; await laterTurn())
    status = Described.parse(await ask(tables, "DescribeTable", { TableName: name })).Table.TableStatus;
}

async function ask(tables: Tables, operation: string, input: object): Promise<object> {
  const { status, body } = await tables.answer(operation, input);
  if (status !== 200) throw new Error(`${operation} failed: ${JSON.stringify(body)}`);
  return body;
}
