/** `npm run bench -- cost`: what landing costs on AWS, by service, and what an idle deployment costs, by component. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Table from "cli-table3";
import { QueuesConfig } from "../../../functions/contracts/queues.ts";
import { idleMonth } from "./idle.ts";
import { type Landed, land } from "./landing.ts";
import { priced, totalOf } from "./meter.ts";
import { ASSUMED, PRICES } from "./prices.ts";

/** What is to be reached, in dollars. */
const GOALS = { reports: 2, polls: 4, idle: 5 };

const dollars = (amount: number): string => `$${amount.toFixed(4)}`;

export async function cost(changes = 100): Promise<void> {
  const runs = { reports: await land(changes, true), polls: await land(changes, false) };
  const perThousand = (run: Landed) => (amount: number) => (amount * 1_000) / run.changes;
  const table = new Table({
    head: ["per 1,000 landings", "with reports", "polling alone"],
    style: { head: [], border: [] },
  });
  const [reports, polls] = [priced(runs.reports.usage), priced(runs.polls.usage)];
  for (const service of Object.keys(reports))
    table.push([
      service,
      dollars(perThousand(runs.reports)(reports[service] ?? 0)),
      dollars(perThousand(runs.polls)(polls[service] ?? 0)),
    ]);
  const totals = {
    reports: perThousand(runs.reports)(totalOf(reports)),
    polls: perThousand(runs.polls)(totalOf(polls)),
  };
  table.push(["together", dollars(totals.reports), dollars(totals.polls)]);
  table.push(["goal, at most", dollars(GOALS.reports), dollars(GOALS.polls)]);
  for (const [what, count] of Object.entries(COUNTS))
    table.push([
      `${what} per change`,
      ...[runs.reports, runs.polls].map((run) => (count(run) / run.changes).toFixed(2)),
    ]);
  console.log(table.toString());
  console.log(
    `${changes} changes, one every three minutes, builds of ten minutes. Prices of ${PRICES.region}, read on ${PRICES.read}, nothing free of charge taken off.`,
  );
  console.log(`Assumed: ${JSON.stringify(ASSUMED)}. Not in it: the CI system's own price, and what leaves AWS.`);
  printIdle(runs.reports);
  const reached = totals.reports <= GOALS.reports && totals.polls <= GOALS.polls;
  if (!reached) process.exitCode = 1;
}

const COUNTS: Readonly<Record<string, (run: Landed) => number>> = {
  builds: ({ builds }) => builds,
  "state transitions": ({ usage }) => usage.transitions,
  polls: ({ polls }) => polls,
  invocations: ({ usage }) => usage.invocations,
  "Lambda GB-seconds": ({ usage }) => usage.gbSeconds,
  "DynamoDB write units": ({ usage }) => usage.writeUnits,
  "DynamoDB read units": ({ usage }) => usage.readUnits,
  "SQS requests": ({ usage }) => usage.fifoRequests + usage.standardRequests,
};

function printIdle({ idleMinute }: Landed): void {
  const outdir = mkdtempSync(join(tmpdir(), "submitqueue-cost-"));
  const queues = QueuesConfig.parse({
    queues: [
      {
        name: "main",
        repository: { remote: "https://github.com/acme/shop.git", tokenSecret: "submitqueue/main/token" },
        buildRunner: { type: "codebuild", project: "shop" },
      },
    ],
  });
  const components = idleMonth(queues, outdir, idleMinute);
  rmSync(outdir, { recursive: true, force: true });
  const table = new Table({ head: ["idle, per month", ""], style: { head: [], border: [] } });
  for (const [component, amount] of Object.entries(components)) table.push([component, dollars(amount)]);
  table.push(["together", dollars(totalOf(components))], ["goal, at most", dollars(GOALS.idle)]);
  console.log(table.toString());
  if (totalOf(components) > GOALS.idle) process.exitCode = 1;
}
