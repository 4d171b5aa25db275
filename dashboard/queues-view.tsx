import { useEffect } from "preact/hooks";
import { getQueues } from "./api.ts";
import { useLive } from "./live.ts";
import { repositoryName } from "./queue/queue-view.tsx";
import { BudgetMeter } from "./queue/summary.tsx";
import { queuePath } from "./routes.ts";
import { Icon } from "./ui/icon.tsx";
import { go, Link } from "./ui/link.tsx";
import { Failed, Loading, Stale } from "./ui/states.tsx";
import { count, span } from "./words.ts";

/** All queues. The page of the queue itself when there is one queue only. */
export function QueuesView() {
  const { data, error, refresh } = useLive("queues", undefined, getQueues);
  const only = data?.queues.length === 1 ? data.queues[0]?.name : undefined;
  useEffect(() => {
    if (only !== undefined) go(queuePath(only), { replace: true });
  }, [only]);
  if (data === undefined)
    return error === undefined ? <Loading what="the queues" /> : <Failed error={error} retry={refresh} />;
  if (only !== undefined) return null;
  return (
    <>
      <Stale error={error} />
      <h1>Queues</h1>
      <ul class="queues">
        {data.queues.map((queue) => (
          <li key={queue.name} class={`card mode-${queue.mode}`}>
            <h2>
              <Link to={queuePath(queue.name)}>{queue.name}</Link>
              <span>
                {queue.red === undefined ? null : (
                  <span class="pill red">
                    <Icon name="refused" /> {queue.branch} fails
                  </span>
                )}
                {queue.mode === "open" ? null : (
                  <span class={`pill ${queue.mode}`}>
                    <Icon name={queue.mode} /> {queue.mode}
                  </span>
                )}
              </span>
            </h2>
            <p class="card-where">
              <code>{queue.branch}</code> of {repositoryName(queue.repository)}
            </p>
            <p>
              {count(queue.counts.waiting + queue.counts.building + queue.counts.landing, "request")} in the queue,{" "}
              {queue.ended.lastHour.landed} landed in the last hour
              {queue.timeToLand.medianSeconds === undefined
                ? ""
                : `. Time to land: ${span(queue.timeToLand.medianSeconds)} (median of 24 h)`}
            </p>
            <p class="card-budget">
              <BudgetMeter used={queue.buildsRunning} budget={queue.budget} /> {queue.buildsRunning} of {queue.budget}{" "}
              builds
            </p>
          </li>
        ))}
      </ul>
    </>
  );
}
