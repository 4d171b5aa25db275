import { useEffect, useState } from "preact/hooks";
import type { WhatIfRow } from "../../simulator/what-if.ts";
import { CallFailed, getQueue } from "../api.ts";
import { Spans } from "../trends/chart.tsx";
import { Icon } from "../ui/icon.tsx";
import { Loading } from "../ui/states.tsx";
import { Table } from "../ui/table.tsx";
import { count, span } from "../words.ts";
import { ask, MOST_REQUESTS, optionsAround, readHistory } from "./ask.ts";
import type { Reply } from "./messages.ts";

type State =
  | { readonly kind: "asked" }
  | { readonly kind: "reading"; readonly read: number; readonly of: number }
  | { readonly kind: "replaying"; readonly budget: number; readonly replies: readonly Reply[]; readonly of: number }
  | { readonly kind: "failed"; readonly why: string };

/** The queue's own history under other budgets, replayed in the browser by the simulator. */
export function WhatIfView({ queue }: { readonly queue: string }) {
  const [isOn, setIsOn] = useState(false);
  const [state, setState] = useState<State>({ kind: "asked" });
  useEffect(() => (isOn ? replay(queue, setState) : undefined), [isOn]);
  return (
    <>
      <div class="title-line">
        <h1>
          What if <small>{queue} had had another budget?</small>
        </h1>
      </div>
      {isOn ? (
        <Outcome state={state} />
      ) : (
        <div class="message">
          <Icon name="retried" />
          <h2>Replay the last {MOST_REQUESTS} requests</h2>
          <p>
            The product's own planner lands them again in your browser, with fewer and with more builds at once, with
            bundles, and with only the tip of each push built. Nothing is built, and nothing lands.
          </p>
          <button type="button" class="primary" onClick={() => setIsOn(true)}>
            Replay them
          </button>
        </div>
      )}
    </>
  );
}

function replay(queue: string, setState: (state: State) => void): () => void {
  const gone = new AbortController();
  let end = () => {};
  const run = async () => {
    const { budget } = await getQueue(queue, gone.signal);
    const told = await readHistory(queue, gone.signal, (read, of) => setState({ kind: "reading", read, of }));
    if (gone.signal.aborted) return;
    const options = optionsAround(budget);
    const replies: Reply[] = [];
    const show = () => setState({ kind: "replaying", budget, replies: [...replies], of: options.length });
    show();
    end = ask(
      { told, options },
      (reply) => {
        replies.push(reply);
        show();
      },
      (why) => setState({ kind: "failed", why }),
    );
  };
  run().catch((error: unknown) => {
    if (gone.signal.aborted) return;
    setState({ kind: "failed", why: error instanceof CallFailed ? error.message : String(error) });
  });
  return () => {
    gone.abort();
    end();
  };
}

function Outcome({ state }: { readonly state: State }) {
  if (state.kind === "asked") return <Loading what="the history" />;
  if (state.kind === "failed")
    return (
      <div class="message" role="alert">
        <Icon name="refused" />
        <h2>This could not be replayed</h2>
        <p>{state.why}</p>
      </div>
    );
  if (state.kind === "reading")
    return (
      <p class="hint" role="status">
        {state.read} of {count(state.of, "request")} read…
      </p>
    );
  return <Answers {...state} />;
}

interface AnswersProps {
  readonly budget: number;
  readonly replies: readonly Reply[];
  readonly of: number;
}

function Answers({ budget, replies, of }: AnswersProps) {
  const [first] = replies;
  if (first?.answer.kind === "refused")
    return (
      <div class="message">
        <Icon name="waiting" />
        <h2>There is no history to replay yet</h2>
        <p>{first.answer.problem}</p>
      </div>
    );
  const rows = replies.flatMap(({ answer }) => (answer.kind === "answered" ? answer.rows : []));
  const about = first?.answer;
  const isDone = replies.length === of;
  return (
    <>
      <p class="hint" role="status">
        {about === undefined ? "" : (about.advice ?? `The history has ${count(about.changes, "change")}.`)}
        {isDone ? "" : " Replaying…"}
      </p>
      {rows.length === 0 ? null : (
        <div class="charts what-if">
          <Spans
            title="Time to land"
            headline={bestOf(rows, budget)}
            buckets={rows}
            labelOf={nameOf}
            write={(seconds) => span(seconds)}
            names={["half landed within", "95 % within"]}
            low={({ landing }) => landing.p50 * 60}
            high={({ landing }) => landing.p95 * 60}
          />
        </div>
      )}
      <Table
        label="What would have been"
        rows={rows}
        keyOf={nameOf}
        classOf={(row) => (isNow(row, budget) ? "current" : "")}
        columns={[
          ["Builds at once", (row) => `${nameOf(row)}${isNow(row, budget) ? " (now)" : ""}`],
          ["Landed", ({ landed }) => landed],
          ["Half within", ({ landing }) => span(landing.p50 * 60)],
          ["95 % within", ({ landing }) => span(landing.p95 * 60)],
          ["Landed per hour", ({ landedPerHour }) => landedPerHour.toFixed(1)],
          ["Builds per landing", ({ buildsPerLanded }) => buildsPerLanded.toFixed(1)],
        ]}
      />
    </>
  );
}

function nameOf({ option: { budget, bundle, commitPoints } }: WhatIfRow): string {
  if (bundle !== undefined) return `${budget}, bundles of up to ${bundle}`;
  return commitPoints === undefined ? String(budget) : `${budget}, tips of pushes only`;
}

/** True of the option that the queue is configured with. */
const isNow = ({ option }: WhatIfRow, budget: number): boolean =>
  option.budget === budget && option.bundle === undefined && option.commitPoints === undefined;

function bestOf(rows: readonly WhatIfRow[], budget: number): string {
  const now = rows.find((row) => isNow(row, budget));
  if (now === undefined) return "…";
  const least = Math.min(...rows.map(({ landing }) => landing.p95));
  // The cheapest that is about as quick as any: a tenth more or less is nothing to pay for.
  const enough = rows.find(({ landing }) => landing.p95 <= 1.1 * least) ?? now;
  if (now.landing.p95 <= 1.1 * least) return `${count(budget, "build")} at once are enough`;
  return `${nameOf(enough)} at once: 95 % within ${span(enough.landing.p95 * 60)} instead of ${span(now.landing.p95 * 60)}`;
}
