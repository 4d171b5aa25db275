import { useEffect } from "preact/hooks";
import { getQueues } from "./api.ts";
import { ONCE, useLive } from "./live.ts";
import { QueueView } from "./queue/queue-view.tsx";
import { QueuesView } from "./queues-view.tsx";
import { RequestView } from "./request/request-view.tsx";
import { WithMe } from "./rights.tsx";
import { queuePath, type Route, viewPath } from "./routes.ts";
import { SearchBox, SearchView } from "./search.tsx";
import { TrendsView } from "./trends/trends-view.tsx";
import { go, Link, useRoute } from "./ui/link.tsx";
import { Empty } from "./ui/states.tsx";
import { WhatIfView } from "./what-if/what-if-view.tsx";

/** The page: its head, and the view that the address names. */
export function App() {
  const route = useRoute();
  const queue = "queue" in route ? route.queue : undefined;
  useEffect(() => {
    document.title = titleOf(route);
  }, [route]);
  return (
    <WithMe>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header>
        <Link to="/" class="brand" aria-label="submitqueue: all queues">
          <img src="/assets/icon.svg" alt="" width="24" height="24" /> <span>submitqueue</span>
        </Link>
        {queue === undefined ? null : <Head queue={queue} route={route} />}
      </header>
      <main id="main" tabIndex={-1}>
        <View route={route} />
      </main>
    </WithMe>
  );
}

function View({ route }: { readonly route: Route }) {
  switch (route.view) {
    case "queues":
      return <QueuesView />;
    case "queue":
      return <QueueView key={route.queue} queue={route.queue} />;
    case "request":
      return <RequestView key={`${route.queue}/${route.number}`} queue={route.queue} number={route.number} />;
    case "trends":
      return <TrendsView key={route.queue} queue={route.queue} />;
    case "what-if":
      return <WhatIfView key={route.queue} queue={route.queue} />;
    case "search":
      return <SearchView key={route.text} queue={route.queue} text={route.text} />;
    case "nowhere":
      return (
        <Empty title="There is nothing at this address" whole>
          <p>
            <Link to="/">See all queues</Link>
          </p>
        </Empty>
      );
  }
}

function titleOf(route: Route): string {
  if (route.view === "request") return `#${route.number} · ${route.queue} · submitqueue`;
  return "queue" in route ? `${route.queue} · submitqueue` : "submitqueue";
}

/** The switch of queues, the views of one, and the search box. */
function Head({ queue, route }: { readonly queue: string; readonly route: Route }) {
  const { data } = useLive("names", undefined, getQueues, ONCE);
  const names = data?.queues.map(({ name }) => name) ?? [queue];
  const tabs = [
    { name: "Queue", path: queuePath(queue), isHere: route.view === "queue" || route.view === "request" },
    { name: "Trends", path: viewPath(queue, "trends"), isHere: route.view === "trends" },
    { name: "What if", path: viewPath(queue, "what-if"), isHere: route.view === "what-if" },
  ];
  return (
    <>
      {names.length > 1 ? (
        <select aria-label="Queue" value={queue} onChange={(event) => go(queuePath(event.currentTarget.value))}>
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      ) : null}
      <nav aria-label="Views">
        {tabs.map(({ name, path, isHere }) => (
          <Link key={name} to={path} aria-current={isHere ? "page" : undefined}>
            {name}
          </Link>
        ))}
      </nav>
      <SearchBox
        key={route.view === "search" ? route.text : ""}
        queue={queue}
        queues={names}
        text={route.view === "search" ? route.text : ""}
      />
    </>
  );
}
