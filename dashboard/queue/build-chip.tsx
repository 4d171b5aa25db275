import type { BuildNow, RequestNow } from "../contract.ts";
import { requestPath } from "../routes.ts";
import type { IconName } from "../ui/drawings.ts";
import { Icon } from "../ui/icon.tsx";
import { Link } from "../ui/link.tsx";
import { Ago, Clock } from "../ui/time.tsx";
import { followable, nameOf } from "../words.ts";
import { aheadOf, baseLabel, numberOf } from "./phase.ts";

/** A build that is looked at. Pinned: until it is let go, and not only as long as the pointer is on it. */
export interface Look {
  readonly number: number;
  readonly buildKey: string;
  readonly pinned: boolean;
}

const STATES: Readonly<Record<string, { readonly icon: IconName; readonly word: string }>> = {
  running: { icon: "building", word: "running" },
  passed: { icon: "passed", word: "passed" },
  failed: { icon: "failed", word: "failed" },
  retried: { icon: "retried", word: "failed, repeated" },
  stopped: { icon: "cancelled", word: "given up" },
};
export const buildStateOf = (state: string) => STATES[state] ?? { icon: "waiting", word: state };

interface ChipProps {
  readonly build: BuildNow;
  readonly number: number;
  /** The build of this request that is looked at. */
  readonly look: Look | undefined;
  /** Some build is looked at until it is let go: then pointing at another does nothing. */
  readonly isPinned: boolean;
  readonly setLook: (look: Look | undefined) => void;
}

/** A build in a few characters. Pointing at it, focusing it or tapping it shows its tree. */
export function BuildChip({ build, number, look, isPinned, setLook }: ChipProps) {
  const { buildKey, state, startedAt } = build;
  const { icon, word } = buildStateOf(state);
  const isMine = look?.buildKey === buildKey && look.number === number;
  const show = (pinned: boolean) => setLook({ number, buildKey, pinned });
  return (
    <button
      type="button"
      class={`chip build-${state}`}
      aria-expanded={isMine}
      onPointerEnter={(event) => event.pointerType === "mouse" && !isPinned && show(false)}
      onPointerLeave={(event) => event.pointerType === "mouse" && isMine && !look.pinned && setLook(undefined)}
      onClick={() => (isMine && look.pinned ? setLook(undefined) : show(true))}
    >
      <span class="unseen">
        Build of request {number}, {word}, on
      </span>
      <Icon name={icon} />
      {state === "running" ? <Clock since={startedAt} /> : null}
      <span class="chip-base">{baseLabel(build)}</span>
    </button>
  );
}

interface TreeProps {
  readonly build: BuildNow;
  readonly request: RequestNow;
  readonly queue: string;
  readonly titleOf: (number: number) => string | undefined;
}

/** The tree of a build, its head on top and the trunk at the bottom, as a stack of what it is made of. */
export function BuildTree({ build, request, queue, titleOf }: TreeProps) {
  const heads = [request.number, ...(build.bundledWith ?? []).map(numberOf)].sort((a, b) => b - a);
  const base = build.base.map(numberOf).toReversed();
  const without = aheadOf(request).filter((number) => !base.includes(number) && !heads.includes(number));
  const link = followable(build.url);
  const { icon, word } = buildStateOf(build.state);
  return (
    <div class="tree">
      <p class="tree-head">
        <span class={`state build-${build.state}`}>
          <Icon name={icon} /> {word}
        </span>
        <span>
          started <Ago at={build.startedAt} />
        </span>
        {link === undefined ? null : (
          <a href={link} target="_blank" rel="noreferrer noopener">
            Log <Icon name="out" />
          </a>
        )}
      </p>
      <ol class="stack">
        {heads.map((number) => (
          <Layer
            key={number}
            kind="head"
            number={number}
            queue={queue}
            title={number === request.number ? nameOf(request) : titleOf(number)}
            says="tested"
          />
        ))}
        {base.map((number) => (
          <Layer
            key={number}
            kind="base"
            number={number}
            queue={queue}
            title={titleOf(number)}
            says="assumed to land"
          />
        ))}
        <li class="layer trunk">trunk</li>
      </ol>
      {without.length === 0 ? null : (
        <p class="without">
          Assumes that {without.map((number) => `#${number}`).join(", ")} {without.length === 1 ? "does" : "do"} not
          land.
        </p>
      )}
    </div>
  );
}

interface LayerProps {
  readonly kind: "head" | "base";
  readonly number: number;
  readonly queue: string;
  readonly title: string | undefined;
  readonly says: string;
}

const Layer = ({ kind, number, queue, title, says }: LayerProps) => (
  <li class={`layer ${kind}`}>
    <Link to={requestPath(queue, number)}>#{number}</Link>
    <span class="layer-title">{title ?? ""}</span>
    <span class="layer-says">{says}</span>
  </li>
);
