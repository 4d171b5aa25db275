import { Command, Option } from "commander";
import type { RequestSummary } from "../../functions/contracts/api/request-views.ts";
import { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { nameOf, oneOf, wholeIn } from "../flags.ts";
import { changesOf } from "./changes.ts";
import { followTo } from "./follow-to.ts";
import { below, examples } from "./help-text.ts";
import { entryLine, exitCodeOf, requestLines, trialLines } from "./request-lines.ts";
import type { Session } from "./session.ts";
import { shortChange } from "./short-change.ts";
import { type Column, span, styledStatus, table } from "./terminal.ts";

/** Runs a verb in a session; the number that it returns is the exit code. */
export type Run = (work: (session: Session) => Promise<number>) => Promise<void>;

const REQUEST = "its number, as 17, or its id, as main/17";

interface LandFlags {
  readonly branch?: readonly string[];
  readonly pr?: readonly string[];
  readonly strategy?: MergeStrategy;
  readonly priority?: number;
  readonly target?: readonly string[];
  readonly key?: string;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
}

const collected = (text: string, others: readonly string[] = []): readonly string[] => [...others, text];

export const landCommand = (run: Run): Command =>
  new Command("land")
    .description("ask for changes to be landed; several are a stack, lowest first")
    .argument("[changes...]", "branches, pull request URLs or change URIs (default: the current branch)")
    .option("--branch <name>", "a branch of this checkout, as its remote has it; as often as given", collected)
    .option("--pr <url>", "a pull request, at the head that it has now; as often as given", collected)
    .option(
      "--strategy <name>",
      `how they get onto the trunk: ${MergeStrategy.options.join(", ")}`,
      oneOf(MergeStrategy.options),
    )
    .option("--priority <n>", "higher goes first, as far as the queue allows", wholeIn(0, 100))
    .option(
      "--target <name>",
      "a build target that the changes affect, for queues that go by targets; as often as given",
      collected,
    )
    .option("--key <text>", "an idempotency key: the same key finds the same request", nameOf("a key"))
    .option("--wait", "print what happens until the request has ended")
    .addOption(
      new Option("--dry-run", "land nothing: say whether the changes would be taken, and whether they merge").conflicts(
        ["wait", "key"],
      ),
    )
    .addHelpText(
      "after",
      below(
        examples(
          "submitqueue land --wait",
          "submitqueue land --dry-run",
          "submitqueue land lower upper --strategy MERGE",
          "submitqueue land https://github.com/acme/shop/pull/7",
        ),
      ),
    )
    .action((changes: readonly string[], flags: LandFlags) =>
      run(async (session) => {
        const { branch = [], pr = [], strategy, priority, target, key, wait = false, dryRun = false } = flags;
        const uris = await changesOf({ changes, branches: branch, pulls: pr });
        const queue = await session.queue();
        const options = {
          ...(strategy === undefined ? {} : { strategy }),
          ...(priority === undefined ? {} : { priority }),
          ...(target === undefined ? {} : { targets: [...target] }),
        };
        if (dryRun) {
          const trial = await queue.tryLand(uris, options);
          session.show(trial, () => trialLines(session.terminal, trial));
          return trial.mergeable === true ? 0 : 1;
        }
        const request = await queue.land(uris, {
          ...options,
          ...(key === undefined ? {} : { idempotencyKey: key }),
        });
        if (!wait) {
          session.show(request, () => `${request.sqid} is ${request.status}. See: submitqueue status ${request.sqid}`);
          return 0;
        }
        if (!session.json) session.terminal.out(`${request.sqid} is ${request.status}\n`);
        return followTo(session, request.sqid);
      }),
    );

export const statusCommand = (run: Run): Command =>
  new Command("status")
    .description("where a request stands, and why")
    .argument("<request>", REQUEST)
    .action((id: string) =>
      run(async (session) => {
        const { queue, number } = await session.request(id);
        const [request, why] = await Promise.all([queue.request(number), queue.why(number)]);
        session.show({ ...request, why }, () => requestLines(session.terminal, request, why));
        return exitCodeOf(request);
      }),
    );

export const whyCommand = (run: Run): Command =>
  new Command("why")
    .description("what holds a request up, or what decided it")
    .argument("<request>", REQUEST)
    .action((id: string) =>
      run(async (session) => {
        const { queue, number } = await session.request(id);
        const why = await queue.why(number);
        session.show(why, () => why.sentence);
        return 0;
      }),
    );

export const historyCommand = (run: Run): Command =>
  new Command("history")
    .description("everything that happened to a request, oldest first")
    .argument("<request>", REQUEST)
    .action((id: string) =>
      run(async (session) => {
        const { queue, number } = await session.request(id);
        const history = await queue.history(number);
        session.show(history, () => history.events.map((entry) => entryLine(session.terminal, entry)).join("\n"));
        return 0;
      }),
    );

export const cancelCommand = (run: Run): Command =>
  new Command("cancel")
    .description("end a request before it lands")
    .argument("<request>", REQUEST)
    .option("--reason <text>", "for those who look at it later")
    .action((id: string, { reason }: { readonly reason?: string }) =>
      run(async (session) => {
        const { queue, number } = await session.request(id);
        const request = await queue.cancel(number, reason);
        const said = request.ended ? `had already ended: ${request.status}` : "is being cancelled";
        session.show(request, () => `${request.sqid} ${said}`);
        return request.ended && request.status !== "cancelled" ? 1 : 0;
      }),
    );

export const priorityCommand = (run: Run): Command =>
  new Command("priority")
    .description("move a request ahead of those of lower priority; for callers whom the queue allows it")
    .argument("<request>", REQUEST)
    .argument("<priority>", "from 0 to the queue's maxPriority", wholeIn(0, 1_000_000))
    .option("--reason <text>", "for those who look at it later")
    .action((id: string, priority: number, { reason }: { readonly reason?: string }) =>
      run(async (session) => {
        const { queue, number } = await session.request(id);
        const request = await queue.prioritize(number, priority, reason);
        const said = request.ended ? `had already ended: ${request.status}` : `now has priority ${request.priority}`;
        session.show(request, () => `${request.sqid} ${said}`);
        return request.ended ? 1 : 0;
      }),
    );

interface ListFlags {
  readonly limit: number;
  readonly since?: string;
  readonly until?: string;
  readonly change?: string;
  readonly status?: string;
  readonly author?: string;
  readonly caller?: string;
}

const COLUMNS: readonly Column[] = [
  { title: "REQUEST" },
  { title: "STATUS" },
  { title: "AGE" },
  { title: "TITLE", flexible: true },
  { title: "CHANGES", flexible: true },
];

export const listCommand = (run: Run): Command =>
  new Command("list")
    .description("a queue's requests, newest first")
    .option("--limit <n>", "at most so many", wholeIn(1, 10_000), 20)
    .option("--since <time>", "received at or after, as 2026-11-01T00:00:00.000Z")
    .option("--until <time>", "received before")
    .option("--change <uri>", "only those that name this change")
    .option("--status <list>", "only those of these statuses: active, ended, or names with commas in between")
    .option("--author <address>", "only those whose first commit is by this e-mail address")
    .option("--caller <name>", "only those that this caller asked for")
    .action(({ limit, ...query }: ListFlags) =>
      run(async (session) => {
        const queue = await session.queue();
        const requests: RequestSummary[] = [];
        for await (const request of queue.requests({ ...query, limit: Math.min(limit, 200) })) {
          requests.push(request);
          if (requests.length === limit) break;
        }
        session.show(requests, () => listTable(session, queue.name, requests));
        return 0;
      }),
    );

function listTable({ terminal }: Session, queue: string, requests: readonly RequestSummary[]): string {
  if (requests.length === 0) return `Queue ${queue} has no such requests.`;
  const rows = requests.map(({ sqid, status, receivedAt, changes, metadata }) => [
    sqid,
    styledStatus(terminal, status),
    span(Date.now() - Date.parse(receivedAt)),
    String(metadata["title"] ?? ""),
    changes.map(shortChange).join("\n"),
  ]);
  const isTitled = requests.some(({ metadata }) => metadata["title"] !== undefined);
  const kept = <T>(cells: readonly T[]) => (isTitled ? cells : cells.toSpliced(3, 1));
  return table(terminal, kept(COLUMNS), rows.map(kept));
}
