import type { ComponentChildren } from "preact";

/** One part of each column, from the bottom to the top. */
interface Series<T> {
  readonly name: string;
  /** The class that colours it. */
  readonly tone: string;
  readonly amount: (bucket: T) => number;
}

/** What every chart over time is told. */
interface ChartProps<T> {
  readonly title: string;
  /** The figure that matters most, beside the title. */
  readonly headline: string;
  readonly buckets: readonly T[];
  readonly labelOf: (bucket: T) => string;
  /** How an amount is written. */
  readonly write: (amount: number) => string;
}

interface ColumnsProps<T> extends ChartProps<T> {
  readonly series: readonly Series<T>[];
  /** The amount of a full column. Absent: a round number above the largest. */
  readonly most?: number;
}

/** Columns over time, each a stack of its series. A drawing: the table of the view has the same figures. */
export function StackedColumns<T>(props: ColumnsProps<T>) {
  const { buckets, series } = props;
  const totalOf = (bucket: T) => series.reduce((sum, { amount }) => sum + amount(bucket), 0);
  const most = props.most ?? ceiling(Math.max(...buckets.map(totalOf)));
  const draw = (bucket: T) =>
    series
      .toReversed()
      .map(({ name, tone, amount }) => (
        <div key={name} class={`part ${tone}`} style={{ height: `${share(amount(bucket), most)}%` }} />
      ));
  return <Frame {...props} most={most} draw={draw} />;
}

interface SpanChartProps<T> extends ChartProps<T> {
  /** Undefined where there is nothing to show. */
  readonly low: (bucket: T) => number | undefined;
  readonly high: (bucket: T) => number | undefined;
  readonly names: readonly [low: string, high: string];
}

/** Over time, a span from a low time, which is a dot, to a high one; in seconds. */
export function Spans<T>(props: SpanChartProps<T>) {
  const { buckets, low, high, names } = props;
  // In whole minutes.
  const most = 60 * ceiling(Math.max(...buckets.map((bucket) => high(bucket) ?? 0)) / 60);
  const series = [
    { name: names[0], tone: "dot-low", amount: (bucket: T) => low(bucket) ?? 0 },
    { name: names[1], tone: "dot-high", amount: (bucket: T) => high(bucket) ?? 0 },
  ];
  const draw = (bucket: T) => {
    const [from, to] = [low(bucket), high(bucket)];
    if (from === undefined || to === undefined) return undefined;
    const bottom = share(from, most);
    return (
      <>
        <div class="span" style={{ bottom: `${bottom}%`, height: `${Math.max(0, share(to, most) - bottom)}%` }} />
        <div class="dot" style={{ bottom: `${bottom}%` }} />
      </>
    );
  };
  return <Frame {...props} series={series} most={most} draw={draw} />;
}

/** So many columns have room for a label each. */
const FEW = 10;

interface FrameProps<T> extends ChartProps<T> {
  readonly series: readonly Series<T>[];
  readonly most: number;
  /** The content of a column. Undefined where there is nothing to show. */
  readonly draw: (bucket: T) => ComponentChildren;
}

/** What all charts have: title, legend, axes, and a column for each bucket, whose tooltip has the figures. */
function Frame<T>({ title, headline, series, most, write, buckets, labelOf, draw }: FrameProps<T>) {
  const labelled = buckets.length <= FEW ? buckets : [buckets[0], buckets.at(-1)].flatMap((bucket) => bucket ?? []);
  return (
    <figure class="chart">
      <figcaption>
        <h2>{title}</h2>
        <b>{headline}</b>
        <span class="legend">
          {series.map(({ name, tone }) => (
            <span key={name}>
              <i class={`swatch ${tone}`} /> {name}
            </span>
          ))}
        </span>
      </figcaption>
      <div class="plot" aria-hidden="true">
        <span class="most">{write(most)}</span>
        <div class="bars">
          {buckets.map((bucket) => {
            const [label, drawn] = [labelOf(bucket), draw(bucket)];
            const tip = drawn === undefined ? {} : { title: `${label}: ${sayAll(series, bucket, write)}` };
            return (
              <div class="column" key={label} {...tip}>
                {drawn}
              </div>
            );
          })}
        </div>
      </div>
      <p class={buckets.length <= FEW ? "axis all" : "axis"} aria-hidden="true">
        {labelled.map((bucket) => (
          <span key={labelOf(bucket)}>{labelOf(bucket)}</span>
        ))}
      </p>
    </figure>
  );
}

const share = (amount: number, most: number): number => (most === 0 ? 0 : (100 * amount) / most);

const sayAll = <T,>(series: readonly Series<T>[], bucket: T, write: (amount: number) => string): string =>
  series.map(({ name, amount }) => `${name} ${write(amount(bucket))}`).join(", ");

/** A round number at or a little above an amount, such as 1.5, 25 or 800. At least 1. */
function ceiling(amount: number): number {
  if (amount <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(amount));
  return power * ([1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((step) => step * power >= amount) ?? 10);
}
