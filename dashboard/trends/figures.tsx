import { span } from "../words.ts";
import { type Bucket, ended, passRate } from "./tally.ts";

/** The figures of all charts as a table, latest first. */
export function Figures({
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
                "Repeated",
                "Flaky",
                "Pass rate",
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
                <td>{one.flaky}</td>
                <td>{passRate(one)}</td>
                <td>{one.buildMinutes}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}
