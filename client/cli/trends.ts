import { Command, Option } from "commander";
import { TrendsQuery } from "../../functions/contracts/api/queue-calls.ts";
import type { Trends } from "../../functions/contracts/api/trend-views.ts";
import { flakeLines } from "./queue-lines.ts";
import type { Run } from "./requests.ts";
import { span, styled, type Terminal, table } from "./terminal.ts";

type Tally = Trends["total"];

/** `queue trends [name] --by day`: what the page shows under Trends. */
export const trendsCommand = (run: Run): Command =>
  new Command("trends")
    .description("landings, times, builds, flaky tests and refusals over time")
    .argument("[queue]", "the queue (default: the one of the settings)")
    .addOption(
      new Option("--by <span>", "48 hours, 30 days or 4 weeks")
        .choices(TrendsQuery.shape.by.unwrap().options)
        .default("day"),
    )
    .action((name: string | undefined, { by }: { readonly by: Trends["by"] }) =>
      run(async (session) => {
        const queue = name === undefined ? await session.queue() : session.client.queue(name);
        const trends = await queue.trends(by);
        session.show(trends, () => trendLines(session.terminal, trends));
        return 0;
      }),
    );

const COLUMNS = ["FROM (UTC)", "LANDED", "REFUSED", "CANCELLED", "HALF IN", "95% IN", "BUILDS", "PASSED", "FLAKY"].map(
  (title) => ({ title }),
);

/** A row for each span of time in which a request ended, latest first, and one for all; then the reasons of refusal and the flaky tests. */
function trendLines(terminal: Terminal, { buckets, total, by, flakes }: Trends): string {
  const rows = buckets.filter(({ landed, refused, cancelled }) => landed + refused + cancelled > 0).toReversed();
  if (rows.length === 0) return `No request has ended in these ${SPANS[by]}.`;
  const from = (start: string) => (by === "hour" ? start.slice(5, 16).replace("T", " ") : start.slice(0, 10));
  const reasons = Object.entries(total.reasons).sort(([, a], [, b]) => b - a);
  const lines = [
    ...reasons.map(([code, n], i) => [i === 0 ? "refused" : "", `${code}: ${n}`] as const),
    ...flakeLines(flakes),
  ];
  return [
    table(terminal, COLUMNS, [...rows.map((row) => cells(from(row.start), row)), cells("all", total)]),
    ...lines.map(([name, value]) => `${styled(terminal, "dim", name.padEnd(10))}${value}`),
  ].join("\n");
}

const SPANS: Readonly<Record<Trends["by"], string>> = { hour: "48 hours", day: "30 days", week: "4 weeks" };

function cells(from: string, tally: Tally): readonly string[] {
  const { landed, refused, cancelled, p50Seconds, p95Seconds, builds, passed, failed, retried, flaky } = tally;
  const verdicts = passed + failed + retried;
  const time = (seconds: number | undefined) => (seconds === undefined ? "" : span(seconds * 1_000));
  const share = (part: number) => (verdicts === 0 ? "" : `${Math.round((100 * part) / verdicts)}%`);
  const counts = [landed, refused, cancelled].map(String);
  return [from, ...counts, time(p50Seconds), time(p95Seconds), String(builds), share(passed), share(flaky)];
}
