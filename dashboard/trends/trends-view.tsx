import { useState } from "preact/hooks";
import type { Trends } from "../../functions/contracts/api.ts";
import { getTrends } from "../api.ts";
import { useLive } from "../live.ts";
import { Empty, Failed, Loading, Stale } from "../ui/states.tsx";
import { count, span } from "../words.ts";
import { Spans, StackedColumns } from "./chart.tsx";

type Bucket = Trends["buckets"][number];
type By = Trends["by"];

const SPANS: Readonly<Record<By, string>> = { hour: "48 hours", day: "30 days", week: "4 weeks" };

/** How long a queue takes, what it costs, and what it refuses, over time. */
export function TrendsView({ queue }: { readonly queue: string }) {
  const [by, setBy] = useState<By>("hour");
  const { data, error, refresh } = useLive(`trends ${queue} ${by}`, queue, (signal) => getTrends(queue, by, signal));
  return (
    <>
      <div class="title-line">
        <h1>
          Trends <small>of {queue}</small>
        </h1>
        <fieldset class="switch">
          <legend class="unseen">Time</legend>
          {(Object.keys(SPANS) as By[]).map((one) => (
            <label key={one}>
              <input type="radio" name="by" checked={by === one} onChange={() => setBy(one)} />
              <span>{SPANS[one]}</span>
            </label>
          ))}
        </fieldset>
      </div>
      <Stale error={data === undefined ? undefined : error} />
      {data !== undefined ? (
        <Charts trends={data} />
      ) : error === undefined ? (
        <Loading what="the trends" />
      ) : (
        <Failed error={error} retry={refresh} />
      )}
    </>
  );
}

const ended = ({ landed, refused, cancelled }: Trends["total"]): number => landed + refused + cancelled;
const perLanded = ({ landed }: Trends["total"], amount: number): number | undefined =>
  landed === 0 ? undefined : amount / landed;
const figure = (amount: number | undefined, unit = ""): string =>
  amount === undefined ? "–" : `${Number(amount.toPrecision(amount < 10 ? 2 : 3)).toLocaleString("en")}${unit}`;
const share = (part: number, whole: number): string => (whole === 0 ? "–" : `${Math.round((100 * part) / whole)} %`);

function Charts({ trends: { buckets, total, by } }: { readonly trends: Trends }) {
  if (ended(total) === 0)
    return (
      <Empty title={`No request has ended in these ${SPANS[by]}`}>
        <p>Once requests land, their times, builds and reasons are shown here.</p>
      </Empty>
    );
  const labelOf = labels(by);
  const verdicts = total.passed + total.failed + total.retried;
  return (
    <>
      <div class="charts">
        <StackedColumns
          title="Landings"
          headline={`${count(total.landed, "landing")}, ${total.refused} refused`}
          buckets={buckets}
          labelOf={labelOf}
          write={figure}
          series={[
            { name: "landed", tone: "good", amount: ({ landed }) => landed },
            { name: "refused", tone: "bad", amount: ({ refused }) => refused },
            { name: "cancelled", tone: "quiet", amount: ({ cancelled }) => cancelled },
          ]}
        />
        <Spans
          title="Time to land"
          headline={total.p50Seconds === undefined ? "–" : `half within ${span(total.p50Seconds)}`}
          buckets={buckets}
          labelOf={labelOf}
          write={(seconds) => span(seconds)}
          names={["half landed within", "95 % within"]}
          low={({ p50Seconds }) => p50Seconds}
          high={({ p95Seconds }) => p95Seconds}
        />
        <StackedColumns
          title="Builds, by how they came out"
          headline={`${share(total.passed, verdicts)} passed, ${share(total.retried, verdicts)} flaky`}
          buckets={buckets}
          labelOf={labelOf}
          write={figure}
          series={[
            { name: "passed", tone: "good", amount: ({ passed }) => passed },
            { name: "failed", tone: "bad", amount: ({ failed }) => failed },
            { name: "failed, then repeated", tone: "warn", amount: ({ retried }) => retried },
            { name: "given up", tone: "quiet", amount: (one) => one.builds - one.passed - one.failed - one.retried },
          ]}
        />
        <StackedColumns
          title="What a landing costs"
          headline={`${figure(perLanded(total, total.builds))} builds, ${figure(perLanded(total, total.buildMinutes), " min")}`}
          buckets={buckets}
          labelOf={labelOf}
          write={(minutes) => figure(minutes, " min")}
          series={[
            {
              name: "build minutes per landed change",
              tone: "busy",
              amount: (one) => perLanded(one, one.buildMinutes) ?? 0,
            },
          ]}
        />
      </div>
      <Reasons reasons={total.reasons} />
      <Figures buckets={buckets} labelOf={labelOf} />
    </>
  );
}

/** An hour as people here read the clock, a day and a week by their date in UTC, which they are counted in. */
function labels(by: By): (bucket: Bucket) => string {
  const hour = { weekday: "short", hour: "2-digit", minute: "2-digit" } as const;
  const date = { month: "short", day: "numeric", timeZone: "UTC" } as const;
  return ({ start }) =>
    `${by === "week" ? "week of " : ""}${new Date(start).toLocaleString(undefined, by === "hour" ? hour : date)}`;
}

function Reasons({ reasons }: { readonly reasons: Trends["total"]["reasons"] }) {
  const all = Object.entries(reasons).sort(([, a], [, b]) => b - a);
  if (all.length === 0) return null;
  const most = Math.max(...all.map(([, n]) => n));
  return (
    <section aria-labelledby="reasons">
      <h2 id="reasons">Why requests were refused</h2>
      <ol class="reasons">
        {all.map(([code, n]) => (
          <li key={code}>
            <span>{REASONS[code] ?? code}</span>
            <span class="reason-bar" style={{ "--share": n / most }} />
            <b>{n}</b>
          </li>
        ))}
      </ol>
    </section>
  );
}

const REASONS: Readonly<Record<string, string>> = {
  "change.duplicate": "The change was in the queue already",
  "change.not_found": "The change does not exist",
  "change.stale": "The branch had moved on",
  "change.unsupported": "A kind of change that the queue does not take",
  "change.unsafe": "The change is not safe to check out",
  "merge.conflict": "Conflicts with what had landed",
  "merge.invalid": "Could not be merged",
  "push.declined": "The host has a rule against it",
  "repository.refused": "The host refused the queue",
  "repository.unavailable": "The repository did not answer",
  "build.failed": "Its build failed",
  "build.timed_out": "Its build took too long",
  "build.infrastructure": "Its builds could not be run",
  "queue.removed": "The queue was removed",
  internal: "A fault of the queue itself",
};

function Figures({
  buckets,
  labelOf,
}: {
  readonly buckets: readonly Bucket[];
  readonly labelOf: (bucket: Bucket) => string;
}) {
  const rows = buckets.filter((bucket) => ended(bucket) > 0).toReversed();
  return (
    <details class="figures">
      <summary>The same as a table</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls has to be reached by keyboard. */}
      <section class="scroll" tabIndex={0} aria-label="Figures">
        <table>
          <thead>
            <tr>
              {[
                "From",
                "Landed",
                "Refused",
                "Cancelled",
                "P50",
                "P95",
                "Builds",
                "Passed",
                "Failed",
                "Flaky",
                "Build min",
              ].map((title) => (
                <th key={title} scope="col">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((one) => (
              <tr key={one.start}>
                <th scope="row">{labelOf(one)}</th>
                <td>{one.landed}</td>
                <td>{one.refused}</td>
                <td>{one.cancelled}</td>
                <td>{one.p50Seconds === undefined ? "–" : span(one.p50Seconds)}</td>
                <td>{one.p95Seconds === undefined ? "–" : span(one.p95Seconds)}</td>
                <td>{one.builds}</td>
                <td>{one.passed}</td>
                <td>{one.failed}</td>
                <td>{one.retried}</td>
                <td>{one.buildMinutes}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}
