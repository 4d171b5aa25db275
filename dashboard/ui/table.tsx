import type { ComponentChildren } from "preact";

/** A column: its title, and what it says of a row. */
type Column<T> = readonly [title: string, cell: (row: T) => ComponentChildren];

interface TableProps<T> {
  /** What the table is, for a screen reader. */
  readonly label: string;
  readonly rows: readonly T[];
  /** The first column names the row. */
  readonly columns: readonly [Column<T>, ...Column<T>[]];
  readonly keyOf: (row: T) => string;
  /** A class of the row. */
  readonly classOf?: (row: T) => string;
}

/** A table that scrolls sideways where it is wider than the page. */
export function Table<T>({ label, rows, columns, keyOf, classOf = () => "" }: TableProps<T>) {
  const [[, nameOf], ...others] = columns;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls has to be reached by keyboard.
    <section class="scroll" tabIndex={0} aria-label={label}>
      <table>
        <thead>
          <tr>
            {columns.map(([title]) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} class={classOf(row)}>
              <th scope="row">{nameOf(row)}</th>
              {others.map(([title, cell]) => (
                <td key={title}>{cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
