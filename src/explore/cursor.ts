/** A cursor in a list, and which part of the list is on the screen. */
export class Cursor {
  row = 0;
  top = 0;

  /** Moves to a row, or as near as there is one, and scrolls no more than needed. */
  to(row: number, count: number, height: number): void {
    this.row = Math.max(0, Math.min(row, count - 1));
    const last = Math.max(0, count - height);
    if (this.row < this.top) this.top = this.row;
    if (this.row >= this.top + height) this.top = this.row - height + 1;
    this.top = Math.max(0, Math.min(this.top, last));
  }
}
