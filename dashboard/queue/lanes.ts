/** A request in the order of its queue, and the requests that it waits for. */
export interface Waiting {
  readonly number: number;
  readonly waitsFor: readonly number[];
}

/** A vertical line beside the rows. Column 0 is the column of the nodes. */
export interface Lane {
  readonly column: number;
  /** The number of the request that the lane comes from. */
  readonly from: number;
}

/** The lines of one row. */
export interface RowLanes {
  /** Lanes that cross the row from top to bottom. */
  readonly through: readonly Lane[];
  /** Lanes that have a branch to the row's node. Those in `through` go on below it. */
  readonly into: readonly Lane[];
  /** The lane that begins at the row's node. */
  readonly out: Lane | undefined;
}

export interface Graph {
  readonly rows: readonly RowLanes[];
  /** How many columns there are, the nodes' own included: at least 1. */
  readonly columns: number;
}

/**
 * What is drawn of a queue: a lane from each request that others wait for down to the last of these. Left out is what follows from the rest:
 * with 3 waiting for 1 and 2, and 2 waiting for 1, there is no line from 1 to 3. A lane that finds no free column among `most` is left out.
 */
export function graphOf(requests: readonly Waiting[], most: number): Graph {
  const reduced = reduce(requests);
  const last = new Map<number, number>();
  reduced.forEach((sources, row) => {
    for (const source of sources) last.set(source, row);
  });
  const columnOf = place(last, requests.length, most);
  const lane = (source: number): Lane[] => {
    const column = columnOf.get(source);
    const from = requests[source]?.number;
    return column === undefined || from === undefined ? [] : [{ column, from }];
  };
  const rows = requests.map((_, row): RowLanes => {
    const passing = [...columnOf.keys()].filter((source) => source < row && (last.get(source) ?? row) > row);
    return {
      through: passing.flatMap(lane),
      into: (reduced[row] ?? []).flatMap(lane),
      out: last.has(row) ? lane(row)[0] : undefined,
    };
  });
  return { rows, columns: 1 + Math.max(0, ...columnOf.values()) };
}

/** By row, the rows that it waits for without those that another of them waits for already. */
function reduce(requests: readonly Waiting[]): readonly (readonly number[])[] {
  const rowOf = new Map(requests.map(({ number }, row) => [number, row]));
  const before: Set<number>[] = [];
  return requests.map(({ waitsFor }, row) => {
    const sources = [...new Set(waitsFor.flatMap((number) => rowOf.get(number) ?? []))]
      .filter((source) => source < row)
      .sort((a, b) => b - a);
    const reached = new Set<number>();
    const direct: number[] = [];
    for (const source of sources) {
      if (reached.has(source)) continue;
      direct.push(source);
      reached.add(source);
      for (const earlier of before[source] ?? []) reached.add(earlier);
    }
    before.push(reached);
    return direct;
  });
}

/** A column for each source: 0 when only the next row waits for it, else the first that is free from its row to the last that waits. */
function place(last: ReadonlyMap<number, number>, rows: number, most: number): ReadonlyMap<number, number> {
  const columnOf = new Map<number, number>();
  const busyUntil: number[] = [];
  for (let row = 0; row < rows; row++) {
    const end = last.get(row);
    if (end === undefined) continue;
    if (end === row + 1) {
      columnOf.set(row, 0);
      continue;
    }
    let column = 1;
    while ((busyUntil[column] ?? -1) > row) column++;
    if (column >= most) continue;
    busyUntil[column] = end;
    columnOf.set(row, column);
  }
  return columnOf;
}
