import { getQueue } from "../api.ts";
import { useLive } from "../live.ts";
import { Failed, Loading, Stale } from "../ui/states.tsx";
import { Controls } from "./controls.tsx";
import { Flight } from "./flight.tsx";
import { Recent } from "./recent.tsx";
import { BudgetAdvice, ModeBanner, RedBanner, Tiles } from "./summary.tsx";

/** What is in flight in a queue, and what just left it. */
export function QueueView({ queue }: { readonly queue: string }) {
  const { data: now, error, refresh } = useLive(`queue ${queue}`, queue, (signal) => getQueue(queue, signal));
  if (now === undefined)
    return error === undefined ? <Loading what="the queue" /> : <Failed error={error} retry={refresh} />;
  return (
    <>
      <Stale error={error} />
      <ModeBanner now={now} />
      <RedBanner now={now} />
      <div class="title-line">
        <h1>
          {now.name}
          <small>
            onto <code>{now.branch}</code> of {repositoryName(now.repository)}
          </small>
        </h1>
        <Controls now={now} refresh={refresh} />
      </div>
      <Tiles now={now} />
      <BudgetAdvice now={now} />
      <div class="columns">
        <section aria-labelledby="in-flight">
          <h2 id="in-flight">In flight</h2>
          <Flight now={now} refresh={refresh} />
        </section>
        <section aria-labelledby="just-ended">
          <h2 id="just-ended">Just ended</h2>
          <Recent queue={queue} recent={now.recent} />
        </section>
      </div>
    </>
  );
}

/** `https://github.com/acme/shop.git` is `acme/shop`; of a path, its last part. */
export function repositoryName(remote: string): string {
  const path = URL.canParse(remote) ? new URL(remote).pathname : remote;
  const parts = path
    .replace(/\/+$/, "")
    .replace(/\.git$/, "")
    .split("/")
    .filter((part) => part !== "");
  return parts.slice(/^(\/|file:)/.test(remote) ? -1 : -2).join("/");
}
