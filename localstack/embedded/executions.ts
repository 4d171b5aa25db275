import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import * as z from "zod";
import { type EpochMs, epochMs } from "../../functions/contracts/time.ts";

export const ExecutionStatus = z.enum(["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]);
export type ExecutionStatus = z.infer<typeof ExecutionStatus>;

/** One run of a state machine. `input` and `output` are JSON texts, as in the API. */
const Execution = z.object({
  arn: z.string(),
  machine: z.string(),
  name: z.string(),
  input: z.string(),
  status: ExecutionStatus,
  output: z.string().nullable(),
  error: z.string().nullable(),
  cause: z.string().nullable(),
  started: z.number(),
  stopped: z.number().nullable(),
});
export type Execution = z.infer<typeof Execution>;

/** How an execution ended. */
export interface Ending {
  readonly status: Exclude<ExecutionStatus, "RUNNING">;
  readonly output?: string;
  readonly error?: string;
  readonly cause?: string;
}

export interface Executions {
  /** Undefined when there is none of that name (`arn`). */
  get(arn: string): Execution | undefined;
  /** A new one, running. The name must be free. */
  start(machine: string, arn: string, name: string, input: string): Execution;
  /** Ends an execution that is running. An execution that has ended stays as it is. */
  end(arn: string, ending: Ending): void;
  /** Newest first; `after` is how many to leave out. */
  list(machine: string, status: ExecutionStatus | undefined, limit: number, after: number): readonly Execution[];
  running(): readonly Execution[];
  close(): void;
}

/** Step Functions keeps an ended execution, and its name, for this long. */
const KEPT_MS = 90 * 24 * 3_600_000;

export function openExecutions(file: string, now: () => EpochMs = () => epochMs(Date.now())): Executions {
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS executions (
      arn TEXT PRIMARY KEY, machine TEXT NOT NULL, name TEXT NOT NULL, input TEXT NOT NULL, status TEXT NOT NULL,
      output TEXT, error TEXT, cause TEXT, started INTEGER NOT NULL, stopped INTEGER);
    CREATE INDEX IF NOT EXISTS by_machine ON executions (machine, started);
    CREATE INDEX IF NOT EXISTS by_status ON executions (status);`);
  db.prepare("DELETE FROM executions WHERE stopped < ?").run(now() - KEPT_MS);
  const get = db.prepare("SELECT * FROM executions WHERE arn = ?");
  const insert = db.prepare(
    "INSERT INTO executions (arn, machine, name, input, status, started) VALUES (?, ?, ?, ?, 'RUNNING', ?)",
  );
  const end = db.prepare(
    "UPDATE executions SET status = ?, output = ?, error = ?, cause = ?, stopped = ? WHERE arn = ? AND status = 'RUNNING'",
  );
  const list = db.prepare(
    "SELECT * FROM executions WHERE machine = ? AND (? IS NULL OR status = ?) ORDER BY started DESC, rowid DESC LIMIT ? OFFSET ?",
  );
  const running = db.prepare("SELECT * FROM executions WHERE status = 'RUNNING' ORDER BY started, rowid");
  const read = (row: Record<string, SQLOutputValue>): Execution => Execution.parse(row);
  const find = (arn: string): Execution | undefined => {
    const row = get.get(arn);
    return row === undefined ? undefined : read(row);
  };
  return {
    get: find,
    start: (machine, arn, name, input) => {
      const started = now();
      insert.run(arn, machine, name, input, started);
      return {
        arn,
        machine,
        name,
        input,
        status: "RUNNING",
        output: null,
        error: null,
        cause: null,
        started,
        stopped: null,
      };
    },
    end: (arn, { status, output, error, cause }) => {
      end.run(status, output ?? null, error ?? null, cause ?? null, now(), arn);
    },
    list: (machine, status, limit, after) => list.all(machine, status ?? null, status ?? null, limit, after).map(read),
    running: () => running.all().map(read),
    close: () => db.close(),
  };
}
