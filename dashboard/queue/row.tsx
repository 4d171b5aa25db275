import { useMemo } from "preact/hooks";
import type { RequestNow } from "../contract.ts";
import { RequestActions } from "../request/actions.tsx";
import { requestPath } from "../routes.ts";
import { Icon } from "../ui/icon.tsx";
import { Link } from "../ui/link.tsx";
import { For } from "../ui/time.tsx";
import { nameOf, roughly } from "../words.ts";
import { BuildChip, BuildTree, type Look } from "./build-chip.tsx";
import { Gutter } from "./gutter.tsx";
import type { RowLanes } from "./lanes.ts";
import { type Mark, phaseOf } from "./phase.ts";

interface RowProps {
  readonly request: RequestNow;
  readonly queue: string;
  readonly lanes: RowLanes;
  readonly columns: number;
  readonly mark: Mark;
  readonly isLit: (number: number) => boolean;
  /** When it is a build of this row. */
  readonly look: Look | undefined;
  /** A build is looked at until it is let go. */
  readonly pinned: boolean;
  readonly setLook: (look: Look | undefined) => void;
  readonly setFocus: (number: number | undefined) => void;
  readonly titleOf: (number: number) => string | undefined;
  readonly refresh: () => void;
}

/** One request in flight. It is drawn again when something that it shows has changed: a queue has up to a thousand of them. */
export function Row(props: RowProps) {
  const { request, lanes, columns, mark, look, pinned } = props;
  const lines = [...lanes.through, ...lanes.into, ...(lanes.out === undefined ? [] : [lanes.out])];
  return useMemo(
    () => <RowBody {...props} />,
    [request, columns, mark, look, pinned, JSON.stringify(lanes), lines.filter(({ from }) => props.isLit(from)).length],
  );
}

function RowBody(props: RowProps) {
  const { request, queue, lanes, columns, mark, isLit, look, pinned, setLook, setFocus, titleOf, refresh } = props;
  const { number, builds, sentence, estimateSeconds } = request;
  const { phase, icon, word } = phaseOf(request);
  const looked = builds.find(({ buildKey }) => buildKey === look?.buildKey);
  return (
    <li
      class={`row phase-${phase}`}
      data-mark={mark}
      onPointerEnter={(event) => event.pointerType === "mouse" && setFocus(number)}
      onPointerLeave={(event) => event.pointerType === "mouse" && setFocus(undefined)}
      onFocusIn={() => setFocus(number)}
      onFocusOut={() => setFocus(undefined)}
    >
      <Gutter lanes={lanes} columns={columns} phase={phase} isLit={isLit} />
      <div class="row-what">
        <Link class="row-name" to={requestPath(queue, number)}>
          <span class="number">#{number}</span> <span class="name">{nameOf(request)}</span>
        </Link>
        <p class="row-why">
          <Facts request={request} />
          {sentence}
        </p>
      </div>
      <div class="row-builds">
        {builds.map((build) => (
          <BuildChip
            key={build.buildKey}
            build={build}
            number={number}
            look={look}
            isPinned={pinned}
            setLook={setLook}
          />
        ))}
      </div>
      <div class="row-state">
        <span class={`state ${phase}`}>
          <Icon name={icon} /> {word}
        </span>
        <span class="eta">{estimateSeconds === undefined ? "" : `about ${roughly(estimateSeconds)} left`}</span>
      </div>
      <RequestActions queue={queue} request={request} done={refresh} compact />
      {looked === undefined ? null : <BuildTree build={looked} request={request} queue={queue} titleOf={titleOf} />}
    </li>
  );
}

function Facts({ request: { author, caller, receivedAt, priority } }: { readonly request: RequestNow }) {
  return (
    <span class="facts">
      {author === undefined && caller === undefined ? null : (
        <span class="fact">
          <Icon name="person" /> {author ?? caller}
        </span>
      )}
      <span class="fact">
        <For since={receivedAt} />
      </span>
      {priority > 0 ? (
        <span class="fact">
          <Icon name="up" /> priority {priority}
        </span>
      ) : null}
    </span>
  );
}
