import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { plural } from '../../events/units.ts';

export interface Column<Row> {
  label: string;
  cell: (row: Row) => ComponentChildren;
  /** What it is sorted by: numbers largest first; a column without is not sorted. */
  sort?: (row: Row) => number | string;
  /** Aligned to the right. */
  isNumber?: boolean;
  /** Takes the room that is left. */
  isWide?: boolean;
}

const AT_ONCE = 100;

interface Props<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  /** What is said when there are no rows. */
  none: string;
  rowClass?: (row: Row) => string;
}

/** A table that is sorted by a click on a column's head, and draws only as many rows as were asked for. */
export function Table<Row>({ caption, columns, rows, none, rowClass }: Props<Row>) {
  const [order, setOrder] = useState<{ by: number; isReversed: boolean } | undefined>(undefined);
  const [limit, setLimit] = useState(AT_ONCE);
  if (rows.length === 0) return <p class="none">{none}</p>;
  const sorted = order === undefined ? rows : inOrder(rows, columns[order.by]!, order.isReversed);
  const toggle = (by: number) =>
    setOrder(order?.by === by ? { by, isReversed: !order.isReversed } : { by, isReversed: false });
  return (
    <div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <section class="scroll" tabIndex={0} aria-label={caption}>
        <table>
          <caption>{caption}</caption>
          <thead>
            <tr>
              {columns.map((column, at) => {
                const state =
                  order?.by === at
                    ? isFalling(rows, column) !== order.isReversed
                      ? 'descending'
                      : 'ascending'
                    : undefined;
                return (
                  <th
                    scope="col"
                    class={classOf(column)}
                    key={column.label}
                    {...(state && { 'aria-sort': state })}
                  >
                    {column.sort === undefined ? (
                      column.label
                    ) : (
                      <button type="button" onClick={() => toggle(at)}>
                        {column.label}
                        <span aria-hidden="true">
                          {state === undefined ? '' : state === 'ascending' ? ' ↑' : ' ↓'}
                        </span>
                      </button>
                    )}
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {sorted.slice(0, limit).map((row, at) => (
              <tr key={at} class={rowClass?.(row)}>
                {columns.map((column) => (
                  <td class={classOf(column)} key={column.label}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {rows.length > limit && (
        <p class="more">
          {limit} of {plural(rows.length, 'row')} shown.{' '}
          <button type="button" onClick={() => setLimit(limit * 3)}>
            Show more
          </button>
        </p>
      )}
    </div>
  );
}

function classOf({ isNumber, isWide }: Column<never>): string | undefined {
  return isNumber ? 'number' : isWide ? 'wide' : undefined;
}

function isFalling<Row>(rows: readonly Row[], { sort }: Column<Row>): boolean {
  return typeof sort!(rows[0]!) === 'number';
}

function inOrder<Row>(rows: readonly Row[], column: Column<Row>, isReversed: boolean): Row[] {
  const by = column.sort!;
  const sorted = [...rows].sort((a, b) => {
    const [one, two] = [by(a), by(b)];
    if (typeof one === 'number') return (two as number) - one;
    return one < two ? -1 : one > two ? 1 : 0;
  });
  return isReversed ? sorted.reverse() : sorted;
}
