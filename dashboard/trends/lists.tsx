import type { Trends } from "../../functions/contracts/api/trend-views.ts";
import { Ago } from "../ui/time.tsx";
import { count } from "../words.ts";
import { wordsOfReason } from "./reasons.ts";

/** Why requests were refused, the most frequent reason first. */
export function Reasons({ reasons }: { readonly reasons: Trends["total"]["reasons"] }) {
  const all = Object.entries(reasons).sort(([, a], [, b]) => b - a);
  const most = Math.max(...all.map(([, n]) => n));
  return (
    <section class="chart" aria-labelledby="reasons">
      <h2 id="reasons">Why requests were refused</h2>
      {all.length === 0 ? <p class="hint">No request was refused.</p> : null}
      <ol class="reasons">
        {all.map(([code, n]) => (
          <li key={code}>
            <span>{wordsOfReason(code)}</span>
            <span class="reason-bar" style={{ "--share": n / most }} />
            <b>{n}</b>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** How many flaky tests are shown at once: the latest ones. */
const MOST_FLAKES = 10;

/** The tests that have failed and then passed on the same tree, the one seen last first. Nothing when there are none. */
export function Flakes({ flakes }: Pick<Trends, "flakes">) {
  if (flakes.length === 0) return null;
  const [shown, more] = [flakes.slice(0, MOST_FLAKES), flakes.slice(MOST_FLAKES)];
  return (
    <section class="chart flaky" aria-labelledby="flaky">
      <h2 id="flaky">Flaky tests: each has failed, and then passed on the same tree</h2>
      <FlakeList flakes={shown} />
      {more.length === 0 ? null : (
        <details>
          <summary>{more.length} more</summary>
          <FlakeList flakes={more} />
        </details>
      )}
    </section>
  );
}

const FlakeList = ({ flakes }: Pick<Trends, "flakes">) => (
  <ol class="flakes">
    {flakes.map(({ name, builds, requests, lastSeen }) => (
      <li key={name}>
        <code>{name}</code>
        <span>
          failed {count(builds, "build")} of {count(requests, "request")}, last <Ago at={lastSeen} />
        </span>
      </li>
    ))}
  </ol>
);
