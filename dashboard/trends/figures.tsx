import { Table } from "../ui/table.tsx";
import { span } from "../words.ts";
import { type Bucket, ended, passRate } from "./tally.ts";

interface FiguresProps {
  readonly buckets: readonly Bucket[];
  readonly labelOf: (bucket: Bucket) => string;
}

const time = (seconds: number | undefined): string => (seconds === undefined ? "–" : span(seconds));

/** The figures of all charts as a table, latest first. */
export const Figures = ({ buckets, labelOf }: FiguresProps) => (
  <details class="figures">
    <summary>The same as a table</summary>
    <Table
      label="Figures"
      rows={buckets.filter((bucket) => ended(bucket) > 0).toReversed()}
      keyOf={({ start }) => start}
      columns={[
        ["From", labelOf],
        ["Landed", ({ landed }) => landed],
        ["Refused", ({ refused }) => refused],
        ["Cancelled", ({ cancelled }) => cancelled],
        ["Half within", ({ p50Seconds }) => time(p50Seconds)],
        ["95 % within", ({ p95Seconds }) => time(p95Seconds)],
        ["Builds", ({ builds }) => builds],
        ["Passed", ({ passed }) => passed],
        ["Failed", ({ failed }) => failed],
        ["Repeated", ({ retried }) => retried],
        ["Flaky", ({ flaky }) => flaky],
        ["Pass rate", passRate],
        ["Build min", ({ buildMinutes }) => buildMinutes],
      ]}
    />
  </details>
);
