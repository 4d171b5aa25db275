import { useEffect, useRef } from "preact/hooks";
import type { RequestSummary } from "../functions/contracts/api/request-views.ts";
import { getQueue, listRequests } from "./api.ts";
import { useLive } from "./live.ts";
import { endOf } from "./queue/recent.tsx";
import { requestPath, searchPath } from "./routes.ts";
import { Icon } from "./ui/icon.tsx";
import { go, Link } from "./ui/link.tsx";
import { Empty, Failed, Loading } from "./ui/states.tsx";
import { Ago } from "./ui/time.tsx";
import { nameOf, shownChange } from "./words.ts";

interface SearchBoxProps {
  readonly queue: string;
  /** The names of all queues. */
  readonly queues: readonly string[];
  /** What was searched for last. */
  readonly text: string;
}

/** One box finds a request by its number, change, author, branch or pull request. `/` goes to it. */
export function SearchBox({ queue, queues, text }: SearchBoxProps) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLElement && event.target.matches("input, textarea, select, dialog *");
      if (event.key !== "/" || isTyping || event.metaKey || event.ctrlKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  return (
    <search>
      <form
        class="search"
        onSubmit={(event) => {
          event.preventDefault();
          const typed = input.current?.value.trim() ?? "";
          if (typed !== "") go(placeOf(queue, queues, typed));
        }}
      >
        <Icon name="search" />
        <input
          ref={input}
          type="search"
          name="text"
          defaultValue={text}
          placeholder="Number, author, branch, PR…"
          aria-label={`Search requests of ${queue}`}
          autoComplete="off"
          spellcheck={false}
        />
        <span class="key" aria-hidden="true">
          /
        </span>
      </form>
    </search>
  );
}

/**
 * A number, `17` or `main/17`, is a request; anything else is searched for, such as the branch `fix/17` where no queue is named `fix`. `#17` is
 * a pull request or a request, so both are looked for.
 */
function placeOf(queue: string, queues: readonly string[], typed: string): string {
  const [, named = queue, number] = /^(?:([a-z0-9][a-z0-9._-]*)\/)?([1-9][0-9]{0,11})$/.exec(typed) ?? [];
  return number !== undefined && (named === queue || queues.includes(named))
    ? requestPath(named, Number(number))
    : searchPath(queue, typed);
}

interface Found {
  readonly requests: readonly RequestSummary[];
  /** True when older requests were not looked at. */
  readonly more: boolean;
}

/** How many of the newest requests are compared with what was typed. */
const LOOKED_AT = 200;

async function find(queue: string, typed: string, signal: AbortSignal): Promise<Found> {
  const exact = /^(git|github|phab):\/\//.test(typed)
    ? await listRequests(queue, { change: typed, limit: "50" }, signal)
    : { requests: [] };
  const [page, now] = await Promise.all([
    listRequests(queue, { limit: String(LOOKED_AT) }, signal),
    getQueue(queue, signal),
  ]);
  const told = new Map(now.requests.map((request) => [request.number, request]));
  const matching = page.requests.filter((request) => {
    const { title, author, caller } = told.get(request.number) ?? {};
    return matches(request, typed, [title, author, caller]);
  });
  const all = new Map([...exact.requests, ...matching].map((request) => [request.number, request]));
  return { requests: [...all.values()].sort((a, b) => b.number - a.number), more: page.nextPage !== undefined };
}

/** True when one of the words about a request holds what was typed. `https://github.com/acme/shop/pull/7` is `#7`, and so is `pull/7`. */
export function matches(request: RequestSummary, typed: string, told: readonly (string | undefined)[]): boolean {
  const pull = /(?:^#|\/pull\/|^pull\/)([0-9]+)\/?$/.exec(typed)?.[1];
  const labels = request.changes.map((uri) => shownChange(uri).label);
  if (pull !== undefined) return labels.includes(`#${pull}`) || String(request.number) === pull;
  const words = [...labels, ...request.changes, ...told, ...Object.values(request.metadata).map(String)];
  return words.some((word) => word?.toLowerCase().includes(typed.toLowerCase()));
}

/** The requests that match what was typed. */
export function SearchView({ queue, text }: { readonly queue: string; readonly text: string }) {
  const { data, error, refresh } = useLive(`search ${queue} ${text}`, queue, (signal) => find(queue, text, signal));
  if (data === undefined)
    return error === undefined ? <Loading what="what matches" /> : <Failed error={error} retry={refresh} />;
  return (
    <>
      <h1>
        Requests with “{text}”<small>{data.more ? `among the last ${LOOKED_AT}` : ""}</small>
      </h1>
      {data.requests.length === 0 ? (
        <Empty title="No request matches">
          <p>A request is found by its number, change, author, branch or pull request.</p>
        </Empty>
      ) : (
        <ol class="found">
          {data.requests.map((request) => (
            <FoundRow key={request.number} queue={queue} request={request} />
          ))}
        </ol>
      )}
    </>
  );
}

function FoundRow({ queue, request }: { readonly queue: string; readonly request: RequestSummary }) {
  const { number, status, ended, changes, receivedAt, metadata } = request;
  const { word, icon } = ended ? endOf(status) : { word: "in flight", icon: "building" as const };
  return (
    <li class={ended ? `ended end-${word}` : "ended"}>
      <Icon name={icon} />
      <p>
        <Link to={requestPath(queue, number)}>
          #{number}{" "}
          {nameOf({ title: metadata["title"] === undefined ? undefined : String(metadata["title"]), changes })}
        </Link>{" "}
        {word}
        <span class="when">
          <Ago at={receivedAt} />
        </span>
      </p>
    </li>
  );
}
