import { useState } from "preact/hooks";
import type { Trends } from "../../functions/contracts/api/trend-views.ts";
import { getTrends } from "../api.ts";
import { useLive } from "../live.ts";
import { Empty, Failed, Loading, Stale } from "../ui/states.tsx";
import { count, span } from "../words.ts";
import { Spans, StackedColumns } from "./chart.tsx";
import { Figures } from "./figures.tsx";
import { Flakes, Reasons } from "./lists.tsx";
import { type Bucket, ended, passRate, percent, verdicts } from "./tally.ts";

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

const perLanded = ({ landed }: Trends["total"], amount: number): number | undefined =>
  landed === 0 ? undefined : amount / landed;
const minutes = (amount: number | undefined): string => (amount === undefined ? "–" : span(amount * 60));
const figure = (amount: number | undefined): string =>
  amount === undefined ? "–" : Number(amount.toPrecision(amount < 10 ? 2 : 3)).toLocaleString("en");

function Charts({ trends: { buckets, total, by, flakes } }: { readonly trends: Trends }) {
  if (ended(total) === 0)
    return (
      <Empty title={`No request has ended in these ${SPANS[by]}`}>
        <p>Once requests land, their times, builds and reasons are shown here.</p>
      </Empty>
    );
  const labelOf = labels(by);
  const shareOf = (part: (one: Bucket) => number) => (one: Bucket) =>
    verdicts(one) === 0 ? 0 : (100 * part(one)) / verdicts(one);
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
          headline={count(total.builds, "build")}
          buckets={buckets}
          labelOf={labelOf}
          write={figure}
          series={[
            { name: "passed", tone: "good", amount: ({ passed }) => passed },
            { name: "failed", tone: "bad", amount: ({ failed }) => failed },
            { name: "failed, then repeated", tone: "warn", amount: ({ retried }) => retried },
            { name: "given up", tone: "quiet", amount: (one) => one.builds - verdicts(one) },
          ]}
        />
        <StackedColumns
          title="Pass rate and flakes"
          headline={`${passRate(total)} passed, ${percent(total.flaky, verdicts(total))} flaky`}
          buckets={buckets}
          labelOf={labelOf}
          write={(amount) => `${Math.round(amount)} %`}
          most={100}
          series={[
            { name: "passed", tone: "good", amount: shareOf(({ passed }) => passed) },
            { name: "flaky: failed, then passed when repeated", tone: "warn", amount: shareOf(({ flaky }) => flaky) },
          ]}
        />
        <StackedColumns
          title="What a landing costs"
          headline={`${figure(perLanded(total, total.builds))} builds, ${minutes(perLanded(total, total.buildMinutes))}`}
          buckets={buckets}
          labelOf={labelOf}
          write={minutes}
          series={[
            {
              name: "time of builds per landed change",
              tone: "busy",
              amount: (one) => perLanded(one, one.buildMinutes) ?? 0,
            },
          ]}
        />
        <Reasons reasons={total.reasons} />
      </div>
      <Flakes flakes={flakes} />
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
