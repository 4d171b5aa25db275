import { budgetAdvice } from "../../functions/contracts/budget-size.ts";
import type { QueueSummary } from "../contract.ts";
import { Icon } from "../ui/icon.tsx";
import { For } from "../ui/time.tsx";
import { span } from "../words.ts";

/** Why nothing lands, or nothing new is taken; nothing for an open queue. */
export function ModeBanner({ now: { mode, since, note, modeBy } }: { readonly now: QueueSummary }) {
  if (mode === "open") return null;
  const what = mode === "paused" ? "Paused: nothing lands." : "Draining: nothing new is taken.";
  return (
    <p class={`banner ${mode}`} role="status">
      <Icon name={mode} />
      <span>
        <strong>{what}</strong> {note === undefined || note === "" ? "No reason was given." : note}
      </span>
      <span class="banner-by">
        {modeBy === undefined ? "" : `by ${modeBy}, `}
        {since === undefined ? (
          ""
        ) : (
          <>
            for <For since={since} />
          </>
        )}
      </span>
    </p>
  );
}

/** Why nothing lands while the target branch fails by itself; nothing while it passes. */
export function RedBanner({ now: { branch, red } }: { readonly now: QueueSummary }) {
  if (red === undefined) return null;
  const { since, commit, author, reason } = red;
  return (
    <p class="banner red" role="status">
      <Icon name="refused" />
      <span>
        <strong>The branch {branch} itself fails. Nothing lands but a change that repairs it.</strong> Since commit{" "}
        <code>{commit.slice(0, 12)}</code>
        {author === undefined ? "" : ` by ${author}`}: {reason.message.split("\n")[0]}
      </span>
      <span class="banner-by">
        for <For since={since} />
      </span>
    </p>
  );
}

/** The queue in numbers. */
export function Tiles({ now }: { readonly now: QueueSummary }) {
  const { counts, buildsRunning, budget, timeToLand, ended } = now;
  const { medianSeconds, p95Seconds } = timeToLand;
  return (
    <dl class="tiles">
      <div class="tile">
        <dt>In the queue</dt>
        <dd>
          <b>{(counts.waiting + counts.building + counts.landing).toLocaleString("en")}</b>
          <small>
            {counts.building} building · {counts.waiting} waiting · {counts.landing} landing
          </small>
        </dd>
      </div>
      <div class="tile">
        <dt>Builds running</dt>
        <dd>
          <b>
            {buildsRunning} <span class="of">of {budget}</span>
          </b>
          <BudgetMeter used={buildsRunning} budget={budget} />
        </dd>
      </div>
      <div class="tile">
        <dt>Time to land</dt>
        <dd>
          <b>{medianSeconds === undefined ? "–" : span(medianSeconds)}</b>
          <small>
            {p95Seconds === undefined ? "nothing has landed today" : `95 % within ${span(p95Seconds)}, last 24 h`}
          </small>
        </dd>
      </div>
      <div class="tile">
        <dt>Landed in the last hour</dt>
        <dd>
          <b>{ended.lastHour.landed.toLocaleString("en")}</b>
          <small>
            {ended.lastHour.refused} refused · {ended.lastDay.landed.toLocaleString("en")} in 24 h
          </small>
        </dd>
      </div>
    </dl>
  );
}

/** What to tell the operators of a queue whose budget is too small for its load. */
export function BudgetAdvice({ now: { budget, load } }: { readonly now: QueueSummary }) {
  const { receivedLastHour: changesPerHour, buildMinutes } = load;
  if (buildMinutes === undefined) return null;
  const advice = budgetAdvice({ budget, changesPerHour, buildMinutes });
  return advice === undefined ? null : <p class="advice">{advice}</p>;
}

/** A slot for each build of the budget while they can be told apart, else a bar. */
export function BudgetMeter({ used, budget }: { readonly used: number; readonly budget: number }) {
  if (budget <= 24)
    return (
      <span class="slots" aria-hidden="true">
        {Array.from({ length: budget }, (_, slot) => (
          <span key={slot} class={slot < used ? "slot used" : "slot"} />
        ))}
      </span>
    );
  return (
    <span class="slots" aria-hidden="true">
      <span class="bar" style={{ "--share": Math.min(1, used / budget) }} />
    </span>
  );
}
