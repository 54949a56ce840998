/** A terminal's size in characters. */
export interface Size {
  columns: number;
  rows: number;
}

/** Where the panes are: rows and columns count from 0. */
export interface Layout {
  /** Too small to show anything. */
  tooSmall: boolean;
  /** Only one pane has room: the one with the focus. */
  single: boolean;
  leftWidth: number;
  rightColumn: number;
  rightWidth: number;
  /** Rows of lists, below the panes' titles. */
  paneTop: number;
  paneHeight: number;
  detailsTop: number;
  detailsHeight: number;
}

const SMALLEST = { columns: 24, rows: 8 };
const SINGLE = 56;

/** Divides a terminal: a line about the image, two panes with titles, details, and a line of hints. */
export function layoutOf({ columns, rows }: Size): Layout {
  const detailsHeight = rows < 14 ? 0 : rows < 30 ? 5 : rows < 50 ? 7 : 9;
  const below = detailsHeight === 0 ? 0 : detailsHeight + 1;
  const paneTop = 2;
  const single = columns < SINGLE;
  const leftWidth = single ? columns : Math.min(72, Math.max(24, Math.floor(columns * 0.4)));
  const rightColumn = single ? 0 : leftWidth + 1;
  return {
    tooSmall: columns < SMALLEST.columns || rows < SMALLEST.rows,
    single,
    leftWidth,
    rightColumn,
    rightWidth: columns - rightColumn,
    paneTop,
    paneHeight: Math.max(1, rows - paneTop - below - 1),
    detailsTop: rows - 1 - detailsHeight,
    detailsHeight,
  };
}
