import type { ImageDescription } from '../inspect/describe.ts';
import type { Inspection } from '../inspect/inspection.ts';
import type { Cause } from './causes.ts';
import { Cursor } from './cursor.ts';
import { FileTree } from './file-tree.ts';
import { type Action, actionOf, type Place } from './keys.ts';
import { type Layout, layoutOf, type Size } from './layout.ts';
import { Lists, VIEWS, type View } from './lists.ts';
import { FilePage, type Page } from './page.ts';
import { CausesPage, HelpPage } from './pages.ts';
import { type Subject, subjectOf, type Wanted, wantedOf } from './subject.ts';
import { type Hideable, TreeView } from './tree-view.ts';

/** What the caller has to do after a key; it passes the result back to the explorer. */
export type Effect =
  | { do: 'quit' }
  | { do: 'suspend' }
  | { do: 'redraw' }
  | { do: 'cancel' }
  | { do: 'read'; file: Wanted }
  | { do: 'save'; file: Wanted; to: string };

/** The text that the user is typing into the last line. */
export type Prompt = { for: 'filter'; text: string } | { for: 'save'; text: string; file: Wanted };

const HIDEABLE: Partial<Record<Action, Hideable>> = {
  'toggle-added': 'added',
  'toggle-removed': 'removed',
  'toggle-changed': 'changed',
  'toggle-unchanged': 'unchanged',
};
const WORDS: Record<Hideable, string> = {
  added: 'added',
  removed: 'removed',
  changed: 'modified',
  unchanged: 'unmodified',
};

/**
 * The state of the explorer: keys change it, `render.ts` draws it. It does no I/O and reads no clock.
 */
export class Explorer {
  readonly tree: FileTree;
  readonly files: TreeView;
  readonly layout: { current: Layout; size: Size };
  focus: 'left' | 'right' = 'left';
  left: 'layers' | 'instructions' = 'layers';
  view: View = 'files';
  /** Whether the files pane shows all changes up to the layer, or those of the layer. */
  aggregated = false;
  /** The package or kind that the files pane is limited to. */
  scope: { name: string; from: View } | undefined;
  /** Whether permissions and owners are shown; undefined: if the pane is wide enough. */
  attributes: boolean | undefined;
  page: Page | undefined;
  pageTop = 0;
  prompt: Prompt | undefined;
  message: { text: string; isError: boolean } | undefined;
  /** The work in progress, as a text for the last line. */
  busy: string | undefined;
  readonly cursors = {
    layers: new Cursor(),
    instructions: new Cursor(),
    files: new Cursor(),
    packages: new Cursor(),
    kinds: new Cursor(),
    waste: new Cursor(),
  };
  readonly filters: Record<View, string> = { files: '', packages: '', kinds: '', waste: '' };
  readonly lists: Lists;
  #opened: FilePage | undefined;
  #pageFile: Wanted | undefined;

  /**
   * @param description of the same image
   * @param causes why a path is in a layer
   */
  constructor(
    readonly inspection: Inspection,
    readonly description: ImageDescription,
    readonly causes: (leaf: Subject) => Cause[],
    size: Size,
  ) {
    this.tree = new FileTree(inspection.census);
    this.files = new TreeView(this.tree);
    this.lists = new Lists(description);
    this.layout = { current: layoutOf(size), size };
    const last = this.layers - 1;
    this.cursors.layers.to(last, this.layers, this.height);
    this.cursors.instructions.to(this.#instructionOf(last), this.instructions, this.height);
    this.#list();
    this.#showLayer();
  }

  get layers(): number {
    return this.inspection.image.layers.length;
  }

  get instructions(): number {
    return this.inspection.instructions.length;
  }

  /** Rows of a pane. */
  get height(): number {
    return this.layout.current.paneHeight;
  }

  /** The layer whose state is shown; -1 before the first one. */
  get layer(): number {
    if (this.left === 'layers') return this.cursors.layers.row;
    const { instructions } = this.inspection;
    for (let at = this.cursors.instructions.row; at >= 0; at--) {
      const layer = instructions[at]?.layer;
      if (layer !== undefined) return layer;
    }
    return -1;
  }

  /** The instruction that is selected, or that made the selected layer. */
  get instruction(): number {
    return this.left === 'instructions' ? this.cursors.instructions.row : this.#instructionOf(this.layer);
  }

  /** The first layer whose changes are marked as changes. */
  get since(): number {
    const { layer } = this;
    if (!this.aggregated) {
      const makesNone =
        this.left === 'instructions' && this.inspection.instructions[this.instruction]?.layer !== layer;
      return makesNone ? layer + 1 : layer;
    }
    const base = Math.max(1, this.inspection.base?.layers ?? 1);
    return layer < base ? 0 : base;
  }

  /** The selected node of the files pane; undefined where it is empty. */
  get node(): number | undefined {
    return this.files.rows[this.cursors.files.row];
  }

  /** How many rows the right pane has in all. */
  get count(): number {
    return this.view === 'files' ? this.files.rows.length : this.lists[this.view].length;
  }

  get place(): Place {
    if (this.page !== undefined) return 'page';
    if (this.focus === 'left') return 'left';
    return this.view === 'files' ? 'files' : 'list';
  }

  resize(size: Size): void {
    this.layout.current = layoutOf(size);
    this.layout.size = size;
    const { cursors, height } = this;
    cursors.layers.to(cursors.layers.row, this.layers, height);
    cursors.instructions.to(cursors.instructions.row, this.instructions, height);
    this.#moveRight(cursors[this.view].row);
    this.#scrollPage(this.pageTop);
  }

  /** @returns what the caller has to do */
  press(key: string): Effect | undefined {
    this.message = undefined;
    if (key === '^Z') return { do: 'suspend' };
    if (key === '^C') return { do: 'quit' };
    if (this.busy !== undefined && key === 'Esc') return { do: 'cancel' };
    if (this.prompt !== undefined) return this.#type(this.prompt, key);
    const action = actionOf(key, this.place);
    return action === undefined ? undefined : this.#act(action);
  }

  /** Shows a file that `key` asked for. @param bytes its beginning, at most `SHOWN_BYTES` */
  opened(file: Wanted, bytes: Buffer): void {
    this.busy = undefined;
    this.#opened = new FilePage(file.path, bytes, file.size);
    this.#pageFile = file;
    this.#turnTo(this.#opened);
  }

  note(text: string, isError = false): void {
    this.busy = undefined;
    this.message = { text, isError };
  }

  #act(action: Action): Effect | undefined {
    const hides = HIDEABLE[action];
    if (hides !== undefined) {
      this.#keepingNode(() => this.files.toggle(hides));
      this.note(`${WORDS[hides]} files are ${this.files.hidden.has(hides) ? 'hidden' : 'shown'}`);
      return undefined;
    }
    switch (action) {
      case 'quit':
        return { do: 'quit' };
      case 'redraw':
        return { do: 'redraw' };
      case 'help':
        this.#opened = undefined;
        this.#turnTo(new HelpPage());
        return undefined;
      case 'back':
        this.#back();
        return undefined;
      case 'switch-pane':
        if (this.page === undefined) this.focus = this.focus === 'left' ? 'right' : 'left';
        return undefined;
      case 'up':
        return this.#move(-1);
      case 'down':
        return this.#move(1);
      case 'page-up':
        return this.#move(-this.#pageHeight);
      case 'page-down':
        return this.#move(this.#pageHeight);
      case 'first':
        return this.#move(Number.NEGATIVE_INFINITY);
      case 'last':
        return this.#move(Number.POSITIVE_INFINITY);
      case 'filter':
        if (this.page !== undefined) return undefined;
        if (this.view === 'files') this.files.prepareFilter();
        this.prompt = { for: 'filter', text: this.filters[this.view] };
        return undefined;
      case 'by-layer':
      case 'aggregated':
        this.aggregated = action === 'aggregated';
        this.#showLayer();
        return undefined;
      case 'instructions':
        this.#switchLeft();
        return undefined;
      case 'show-files':
      case 'show-packages':
      case 'show-kinds':
      case 'show-waste':
        this.#show(action.slice('show-'.length) as View);
        return undefined;
      case 'next-view':
        this.#show(VIEWS[(VIEWS.indexOf(this.view) + 1) % VIEWS.length]!);
        return undefined;
      case 'open':
        this.#open();
        return undefined;
      case 'close':
        this.#close();
        return undefined;
      case 'fold':
        this.#fold();
        return undefined;
      case 'fold-all':
        this.#keepingNode(() => this.files.toggleAll());
        return undefined;
      case 'attributes':
        this.attributes = !this.showsAttributes;
        return undefined;
      case 'sort':
        this.#sort();
        return undefined;
      case 'hex':
        this.#opened?.toggleHex();
        this.pageTop = 0;
        return undefined;
      case 'view':
        return this.#read();
      case 'save':
        this.#askWhere();
        return undefined;
      case 'jump':
        this.#jump();
        return undefined;
      case 'causes':
        this.#showCauses();
        return undefined;
      default:
        return undefined;
    }
  }

  /** Whether the files pane shows permissions and owners. */
  get showsAttributes(): boolean {
    return this.attributes ?? this.layout.current.rightWidth >= 64;
  }

  /** Rows that a page of the help or of a file has. */
  get #pageHeight(): number {
    const { size, current } = this.layout;
    return this.page === undefined ? current.paneHeight : Math.max(1, size.rows - 2);
  }

  #type(prompt: Prompt, key: string): Effect | undefined {
    if (key === 'Esc') {
      this.prompt = undefined;
      if (prompt.for === 'filter') this.#filter('');
      return undefined;
    }
    if (key === 'Enter' || key === 'Tab') {
      this.prompt = undefined;
      if (prompt.for === 'filter') {
        this.focus = 'right';
        return undefined;
      }
      if (prompt.text === '') return undefined;
      this.busy = `saving ${prompt.text}`;
      return { do: 'save', file: prompt.file, to: prompt.text };
    }
    if (prompt.for === 'filter' && (key === 'Up' || key === 'Down')) {
      this.#moveRight(this.cursors[this.view].row + (key === 'Up' ? -1 : 1));
      return undefined;
    }
    const text = edited(prompt.text, key);
    if (text === undefined) return undefined;
    this.prompt = { ...prompt, text };
    if (prompt.for === 'filter') this.#filter(text);
    return undefined;
  }

  #filter(text: string): void {
    this.filters[this.view] = text;
    if (this.view === 'files') this.#keepingNode(() => this.files.setFilter(text));
    else this.#list();
  }

  #back(): void {
    if (this.page !== undefined) {
      this.page = undefined;
      this.#opened = undefined;
    } else if (this.filters[this.view] !== '') {
      this.#filter('');
    } else if (this.scope !== undefined && this.view === 'files') {
      const { from } = this.scope;
      this.#clearScope();
      this.#show(from);
    }
  }

  #turnTo(page: Page): void {
    this.page = page;
    this.pageTop = 0;
  }

  #move(by: number): undefined {
    if (this.page !== undefined) {
      this.#scrollPage(this.pageTop + by);
    } else if (this.focus === 'left') {
      const cursor = this.cursors[this.left];
      const before = cursor.row;
      cursor.to(cursor.row + by, this.left === 'layers' ? this.layers : this.instructions, this.height);
      if (cursor.row !== before) this.#showLayer();
    } else {
      this.#moveRight(this.cursors[this.view].row + by);
    }
  }

  #moveRight(row: number): void {
    this.cursors[this.view].to(row, this.count, this.height);
  }

  #scrollPage(top: number): void {
    if (this.page === undefined) return;
    const count = this.page.lines(this.layout.size.columns).length;
    this.pageTop = Math.max(0, Math.min(top, count - this.#pageHeight));
  }

  #show(view: View): void {
    this.page = undefined;
    if (view !== 'files' && this.scope !== undefined) this.#clearScope();
    this.view = view;
    this.#moveRight(this.cursors[view].row);
  }

  #showLayer(): void {
    this.#keepingNode(() => this.files.show(this.tree.at(this.layer, this.since)));
  }

  /** Changes the rows, and keeps the cursor at its path, or at the nearest directory above it. */
  #keepingNode(change: () => void): void {
    const { node } = this;
    const cursor = this.cursors.files;
    const offset = cursor.row - cursor.top;
    change();
    const row = node === undefined ? 0 : this.files.rowOf(node);
    cursor.top = Math.max(0, row - offset);
    cursor.to(row, this.files.rows.length, this.height);
  }

  #switchLeft(): void {
    const { layer, instruction } = this;
    if (this.left === 'layers') {
      this.left = 'instructions';
      this.cursors.instructions.to(instruction, this.instructions, this.height);
    } else {
      this.left = 'layers';
      this.cursors.layers.to(layer, this.layers, this.height);
    }
    this.#showLayer();
  }

  #selectLayer(layer: number): void {
    this.cursors.layers.to(layer, this.layers, this.height);
    this.cursors.instructions.to(this.#instructionOf(layer), this.instructions, this.height);
    this.#showLayer();
  }

  #instructionOf(layer: number): number {
    return this.inspection.instructions.findIndex((one) => one.layer === layer);
  }

  #open(): void {
    if (this.focus === 'left') this.focus = 'right';
    else if (this.view === 'files') this.#openNode();
    else if (this.view === 'waste') this.#openWaste();
    else this.#openOwner(this.view);
  }

  #openNode(): void {
    const { node } = this;
    if (node === undefined || !this.files.isDirectory(node)) return;
    if (this.files.isClosed(node)) this.#keepingNode(() => this.files.setClosed(node, false));
    else if (this.files.rows[this.cursors.files.row + 1]! < this.tree.ends[node]!) this.#move(1);
  }

  #close(): void {
    const { node } = this;
    if (node === undefined) return;
    if (this.files.isDirectory(node) && !this.files.isClosed(node)) {
      this.#keepingNode(() => this.files.setClosed(node, true));
    } else {
      const parent = this.tree.parents[node]!;
      if (parent > 0) this.#moveRight(this.files.rowOf(parent));
    }
  }

  #fold(): void {
    const { node } = this;
    if (node === undefined || !this.files.isDirectory(node)) return;
    this.#keepingNode(() => this.files.setClosed(node, !this.files.isClosed(node)));
  }

  #sort(): void {
    if (this.view === 'files') {
      this.files.sort = this.files.sort === 'name' ? 'size' : 'name';
      this.#keepingNode(() => this.files.list());
      return;
    }
    this.lists.sort = this.lists.sort === 'size' ? 'name' : 'size';
    this.#list();
  }

  #list(): void {
    this.lists.update(this.filters);
    if (this.view !== 'files') this.#moveRight(this.cursors[this.view].row);
  }

  /** The files of a package or a kind, as they are in the final tree. */
  #openOwner(view: 'packages' | 'kinds'): void {
    const row = this.lists[view][this.cursors[view].row];
    if (row === undefined) return;
    const { files, tree } = this;
    this.scope = { name: 'id' in row ? `${row.name} ${row.version}` : row.kind, from: view };
    this.filters.files = '';
    files.setFilter('');
    files.hidden.clear();
    files.setScope(
      tree.select(
        this.inspection.census.leaves.values(),
        'id' in row ? ({ owner }) => owner?.id === row.id : ({ kind = 'unowned' }) => kind === row.kind,
      ),
    );
    this.aggregated = true;
    this.view = 'files';
    this.#selectLayer(this.layers - 1);
    this.#moveRight(0);
  }

  #clearScope(): void {
    this.scope = undefined;
    this.#keepingNode(() => {
      this.files.setScope(undefined);
      this.files.update();
    });
  }

  /** Shows a wasted file in the layer that hides it. */
  #openWaste(): void {
    const row = this.lists.waste[this.cursors.waste.row];
    const node = row === undefined ? undefined : this.tree.find(row.path);
    if (row === undefined || node === undefined) return;
    this.view = 'files';
    this.filters.files = '';
    this.files.hidden.clear();
    this.files.setFilter('');
    this.aggregated = false;
    this.#selectLayer(row.by);
    this.files.reveal(node);
    this.#moveRight(this.files.rowOf(node));
  }

  #jump(): void {
    const subject = subjectOf(this);
    if (subject === undefined) {
      this.note('nothing here comes of one instruction');
      return;
    }
    this.left = 'instructions';
    this.focus = 'left';
    this.#selectLayer(subject.layer);
  }

  #showCauses(): void {
    const subject = subjectOf(this);
    if (subject === undefined) {
      this.note('nothing here has one chain of causes');
      return;
    }
    this.#opened = undefined;
    this.#turnTo(new CausesPage(subject.path, this.causes(subject)));
  }

  /** The file of the page, else the one under the cursor; a reason where there is none. */
  #wanted(): Wanted | string {
    if (this.page === undefined) return wantedOf(this);
    return this.#opened === undefined ? 'this page is not a file' : this.#pageFile!;
  }

  #read(): Effect | undefined {
    const file = this.#wanted();
    if (typeof file === 'string') {
      this.note(file);
      return undefined;
    }
    this.busy = `reading /${file.path}`;
    return { do: 'read', file };
  }

  #askWhere(): void {
    const file = this.#wanted();
    if (typeof file === 'string') {
      this.note(file);
      return;
    }
    const name = file.path.slice(file.path.lastIndexOf('/') + 1).replace(/[^\x20-\x7e]/g, '_');
    this.prompt = { for: 'save', text: `./${name}`, file };
  }
}

/** The typed line after a key; undefined if the key does not edit lines. */
function edited(line: string, key: string): string | undefined {
  if (key === 'Backspace') return [...line].slice(0, -1).join('');
  if (key === '^U') return '';
  if (key === '^W') return line.replace(/[^/\s]*[/\s]*$/, '');
  if (key === 'Space') return `${line} `;
  return [...key].length === 1 ? line + key : undefined;
}
