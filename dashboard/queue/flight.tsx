import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { QueueNow, RequestNow } from "../contract.ts";
import { Empty } from "../ui/states.tsx";
import { count, nameOf } from "../words.ts";
import type { Look } from "./build-chip.tsx";
import { gutterWidth } from "./gutter.tsx";
import { graphOf } from "./lanes.ts";
import { aheadOf, type Mark, marksOfBuild, marksOfRequest } from "./phase.ts";
import { Row } from "./row.tsx";

/** As many lanes as fit beside the text. */
const MOST_COLUMNS = matchMedia("(max-width: 720px)").matches ? 4 : 9;

/** What is in flight, in the order of the queue: the one that lands next is on top. */
export function Flight({ now, refresh }: { readonly now: QueueNow; readonly refresh: () => void }) {
  const requests = useUnchanged(now.requests);
  const [look, setLook] = useState<Look>();
  const [focus, setFocus] = useState<number>();
  const list = useRef<HTMLOListElement>(null);
  useKeys(list, () => setLook(undefined));
  const graph = useMemo(
    () =>
      graphOf(
        requests.map((request) => ({ number: request.number, waitsFor: aheadOf(request) })),
        MOST_COLUMNS,
      ),
    [requests],
  );
  const markOf = useMemo(() => marksFor(requests, look, focus), [requests, look, focus]);
  const titles = useMemo(
    () => new Map<number, string>(requests.map((request) => [request.number, nameOf(request)])),
    [requests],
  );
  const titleOf = useCallback((number: number) => titles.get(number), [titles]);
  if (requests.length === 0)
    return (
      <Empty title="Nothing is in the queue">
        <p>
          Land a change, and it appears here: <code>submitqueue land</code>
        </p>
      </Empty>
    );
  return (
    <>
      <ol
        ref={list}
        class={`flight${look === undefined ? "" : " looking"}`}
        style={{ "--gutter": `${gutterWidth(graph.columns)}px` }}
        aria-label="Requests in flight, next to land first"
      >
        {requests.map((request, index) => (
          <Row
            key={request.number}
            request={request}
            queue={now.name}
            lanes={graph.rows[index] ?? NO_LANES}
            columns={graph.columns}
            mark={markOf(request.number)}
            isLit={lit(markOf)}
            look={look?.number === request.number ? look : undefined}
            pinned={look?.pinned ?? false}
            setLook={setLook}
            setFocus={setFocus}
            titleOf={titleOf}
            refresh={refresh}
          />
        ))}
      </ol>
      {now.more ? (
        <p class="hint">These are the first {count(requests.length, "request")}. More are behind them.</p>
      ) : null}
    </>
  );
}

/** The same objects for requests that are as they were, so that their rows are not drawn again. */
function useUnchanged(requests: readonly RequestNow[]): readonly RequestNow[] {
  const before = useRef(new Map<number, { readonly text: string; readonly request: RequestNow }>());
  return useMemo(() => {
    const after = new Map(
      requests.map((request) => {
        const text = JSON.stringify(request);
        const known = before.current.get(request.number);
        return [request.number, known?.text === text ? known : { text, request }] as const;
      }),
    );
    before.current = after;
    return [...after.values()].map(({ request }) => request);
  }, [requests]);
}

const NO_LANES = { through: [], into: [], out: undefined };

const unmarked = (): Mark => undefined;

function marksFor(requests: readonly RequestNow[], look: Look | undefined, focus: number | undefined) {
  if (look !== undefined) {
    const request = requests.find(({ number }) => number === look.number);
    const build = request?.builds.find(({ buildKey }) => buildKey === look.buildKey);
    if (request !== undefined && build !== undefined) return marksOfBuild(request, build);
  }
  return focus === undefined ? unmarked : marksOfRequest(requests, focus);
}

/** Lanes are lit when they come from a request that is part of what is looked at. */
const lit = (markOf: (number: number) => Mark) => (number: number) => {
  const mark = markOf(number);
  return mark === "ahead" || mark === "base";
};

/** j and k, or the arrows, go from row to row; Escape lets go of a build. */
function useKeys(list: { readonly current: HTMLOListElement | null }, letGo: () => void): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key === "Escape") return letGo();
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
      const step = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
      const rows = [...(list.current?.querySelectorAll<HTMLElement>(".row-name") ?? [])];
      const at = rows.findIndex((row) => row.closest("li")?.contains(document.activeElement));
      if (step === undefined || (event.key.startsWith("Arrow") && at === -1)) return;
      event.preventDefault();
      rows[Math.min(rows.length - 1, Math.max(0, at === -1 ? 0 : at + step))]?.focus();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.matches("input, textarea, select") || target.closest("dialog") !== null);
