import type { Lane, RowLanes } from "./lanes.ts";
import type { Phase } from "./phase.ts";

/** In pixels. The node of a row sits beside its first line of text. */
const NODE_Y = 24;
const COLUMN = 13;
const CURVE = 7;
const RADIUS = 6;

export const gutterWidth = (columns: number): number => 20 + (columns - 1) * COLUMN;

interface GutterProps {
  readonly lanes: RowLanes;
  readonly columns: number;
  readonly phase: Phase;
  /** True for a lane from a request that is looked at, or that such a request waits for. */
  readonly isLit: (number: number) => boolean;
}

/** The node of a row and the lanes beside it. Decoration: the row says in words what it waits for. */
export function Gutter({ lanes, columns, phase, isLit }: GutterProps) {
  const width = gutterWidth(columns);
  const x = (column: number) => width - 10 - column * COLUMN;
  const lit = ({ from }: Lane) => (isLit(from) ? "lane lit" : "lane");
  const { through, into, out } = lanes;
  return (
    <svg class="gutter" width={width} height="100%" aria-hidden="true" focusable="false">
      {through.map((lane) => (
        <line class={lit(lane)} key={`t${lane.from}`} x1={x(lane.column)} x2={x(lane.column)} y1="0" y2="100%" />
      ))}
      {into.map((lane) => (
        <path class={lit(lane)} key={`i${lane.from}`} d={arrival(x(lane.column), x(0))} />
      ))}
      {out === undefined ? null : <OutgoingLine at={x(out.column)} node={x(0)} class={lit(out)} />}
      <circle class={`node ${phase}`} cx={x(0)} cy={NODE_Y} r={RADIUS} />
      {phase === "passed" || phase === "landing" ? (
        <path
          class="node-mark"
          d={
            phase === "passed"
              ? `M${x(0) - 3} ${NODE_Y}l2 2.500l4-4.500`
              : `M${x(0)} ${NODE_Y - 3}v6m-2.500-2.500l2.500 2.500l2.500-2.500`
          }
        />
      ) : null}
    </svg>
  );
}

const arrival = (lane: number, node: number): string =>
  lane === node
    ? `M${lane} 0V${NODE_Y - RADIUS}`
    : `M${lane} 0V${NODE_Y - CURVE}Q${lane} ${NODE_Y} ${lane + CURVE} ${NODE_Y}H${node - RADIUS}`;

function OutgoingLine({
  at,
  node,
  class: name,
}: {
  readonly at: number;
  readonly node: number;
  readonly class: string;
}) {
  if (at === node) return <line class={name} x1={at} x2={at} y1={NODE_Y + RADIUS} y2="100%" />;
  return (
    <>
      <path class={name} d={`M${node - RADIUS} ${NODE_Y}H${at + CURVE}Q${at} ${NODE_Y} ${at} ${NODE_Y + CURVE}`} />
      <line class={name} x1={at} x2={at} y1={NODE_Y + CURVE} y2="100%" />
    </>
  );
}
