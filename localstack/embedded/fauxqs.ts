import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { BuildAppOptions } from "fauxqs";

type Stores = NonNullable<BuildAppOptions["stores"]>;
export type Queue = NonNullable<ReturnType<Stores["sqsStore"]["getQueueByName"]>>;

/**
 * fauxqs waits for the disk at every write, in the only thread of this process. Without that wait a message still survives the end of the
 * process, however it ends; only a machine that loses power may lose the newest messages.
 */
export function withoutDiskWaits(persistence: object): void {
  const { db } = persistence as { readonly db: DatabaseSync };
  db.exec("PRAGMA synchronous = NORMAL");
}

/**
 * What was in flight when the runtime was killed is visible again at once, and that delivery does not count: messages are not at fault
 * for a kill.
 */
export function releaseInFlight(file: string): void {
  if (!existsSync(file)) return;
  const db = new DatabaseSync(file);
  db.exec(
    `UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL,
       approximate_receive_count = max(0, approximate_receive_count - (visibility_deadline > 0))
     WHERE receipt_handle IS NOT NULL`,
  );
  db.close();
}

type Persistence = NonNullable<Queue["persistence"]> & { close(): void };
type Handler = (body: object, store: Stores["sqsStore"], request: object) => unknown;
export interface Reply {
  status(code: number): void;
  header(name: string, value: string): void;
}
export interface Router {
  register(operation: string, handler: Handler): void;
  handle(request: { headers: Readonly<Record<string, string>>; body: object }, reply: Reply): Promise<unknown>;
}
/** What is used of fauxqs. Its package exports none of these, so their types are written here. */
interface Parts {
  SqsStore: new () => Stores["sqsStore"];
  SnsStore: new () => Stores["snsStore"];
  SqsRouter: new (store: Stores["sqsStore"]) => Router;
  PersistenceManager: new (directory: string) => Persistence;
  INVALID_MESSAGE_BODY_CHAR: RegExp;
}

/** The operations of SQS that the product, an operator and the tests use, and fauxqs knows. */
const OPERATIONS = [
  "ChangeMessageVisibility",
  "ChangeMessageVisibilityBatch",
  "CreateQueue",
  "DeleteMessage",
  "DeleteMessageBatch",
  "DeleteQueue",
  "GetQueueAttributes",
  "GetQueueUrl",
  "ListQueues",
  "ListQueueTags",
  "PurgeQueue",
  "ReceiveMessage",
  "SendMessage",
  "SendMessageBatch",
  "SetQueueAttributes",
  "TagQueue",
  "UntagQueue",
] as const;

/** Loads the parts of fauxqs, and the operations of SQS by their names. */
export async function fauxqsParts(): Promise<Parts & { readonly operations: readonly (readonly [string, Handler])[] }> {
  const entry = import.meta.resolve("fauxqs");
  const load = (file: string): Promise<Readonly<Record<string, unknown>>> => import(new URL(file, entry).href);
  const files = [
    "./sqs/sqsStore.js",
    "./sns/snsStore.js",
    "./sqs/sqsRouter.js",
    "./persistence.js",
    "./sqs/sqsTypes.js",
  ];
  const named = OPERATIONS.map(
    (operation) => [operation, `${operation[0]?.toLowerCase()}${operation.slice(1)}`] as const,
  );
  const [modules, operations] = await Promise.all([
    Promise.all(files.map(load)),
    Promise.all(
      named.map(
        async ([operation, name]) => [operation, (await load(`./sqs/actions/${name}.js`))[name] as Handler] as const,
      ),
    ),
  ]);
  return { ...(Object.assign({}, ...modules) as Parts), operations };
}
