import { StringDecoder } from 'node:string_decoder';

/** Where a key does something: a pane, a list (packages, kinds, waste), or a page that covers the panes. */
export type Place = 'everywhere' | 'left' | 'files' | 'list' | 'page';

export type Action =
  | 'quit'
  | 'help'
  | 'back'
  | 'switch-pane'
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'first'
  | 'last'
  | 'filter'
  | 'close'
  | 'open'
  | 'fold'
  | 'fold-all'
  | 'toggle-added'
  | 'toggle-removed'
  | 'toggle-changed'
  | 'toggle-unchanged'
  | 'attributes'
  | 'sort'
  | 'by-layer'
  | 'aggregated'
  | 'instructions'
  | 'show-files'
  | 'show-packages'
  | 'show-kinds'
  | 'show-waste'
  | 'next-view'
  | 'view'
  | 'hex'
  | 'save'
  | 'jump'
  | 'causes'
  | 'redraw';

export interface Binding {
  /** Their names in the help; the first one is shown in short hints. */
  keys: readonly string[];
  place: Place;
  action: Action;
  help: string;
  /** One or two words for the hints in the last line; absent: not shown there. */
  hint?: string;
}

/**
 * All keys: the explorer's behaviour, its help and the table in docs/explore.md are made from this. The keys of dive do
 * the same as in dive. Terminals send the same byte for ^M and Enter, and for ^I and Tab.
 */
export const BINDINGS: readonly Binding[] = [
  { keys: ['?', 'F1'], place: 'everywhere', action: 'help', help: 'Show all keys', hint: 'help' },
  { keys: ['q', '^C'], place: 'everywhere', action: 'quit', help: 'Quit', hint: 'quit' },
  {
    keys: ['Esc'],
    place: 'everywhere',
    action: 'back',
    help: 'Close a page, clear the filter or the selection',
  },
  {
    keys: ['Tab', 'Shift-Tab'],
    place: 'everywhere',
    action: 'switch-pane',
    help: 'Switch panes',
    hint: 'pane',
  },
  { keys: ['Up', 'k'], place: 'everywhere', action: 'up', help: 'Move up' },
  { keys: ['Down', 'j'], place: 'everywhere', action: 'down', help: 'Move down' },
  { keys: ['PageUp', 'u'], place: 'everywhere', action: 'page-up', help: 'Scroll up a page' },
  { keys: ['PageDown', 'd'], place: 'everywhere', action: 'page-down', help: 'Scroll down a page' },
  { keys: ['Home', '<'], place: 'everywhere', action: 'first', help: 'Go to the first row' },
  { keys: ['End', '>', 'G'], place: 'everywhere', action: 'last', help: 'Go to the last row' },
  {
    keys: ['^F', '/', '^/'],
    place: 'everywhere',
    action: 'filter',
    help: 'Filter paths or names while typing: * anything, ^ beginning, $ end',
    hint: 'filter',
  },
  { keys: ['1'], place: 'everywhere', action: 'show-files', help: 'Show files' },
  { keys: ['2'], place: 'everywhere', action: 'show-packages', help: 'Show packages' },
  { keys: ['3'], place: 'everywhere', action: 'show-kinds', help: 'Show kinds' },
  { keys: ['4', 'w'], place: 'everywhere', action: 'show-waste', help: 'Show wasted bytes' },
  {
    keys: ['t'],
    place: 'everywhere',
    action: 'next-view',
    help: 'Files, packages, kinds, waste in turn',
    hint: 'view',
  },
  {
    keys: ['i'],
    place: 'everywhere',
    action: 'instructions',
    help: 'Switch between layers and Dockerfile lines',
    hint: 'lines',
  },
  { keys: ['^L'], place: 'left', action: 'by-layer', help: 'Show what the layer changes' },
  {
    keys: ['^A'],
    place: 'left',
    action: 'aggregated',
    help: 'Show all changes up to the layer',
    hint: 'aggregated',
  },
  { keys: ['Enter', 'Right', 'l'], place: 'left', action: 'open', help: 'Go to the files' },
  { keys: ['Right', 'l'], place: 'files', action: 'open', help: 'Open a directory' },
  { keys: ['Left', 'h'], place: 'files', action: 'close', help: 'Close a directory, or go to the one above' },
  { keys: ['Space'], place: 'files', action: 'fold', help: 'Open or close a directory', hint: 'fold' },
  { keys: ['^Space', '*'], place: 'files', action: 'fold-all', help: 'Open or close all directories' },
  { keys: ['^A', '+'], place: 'files', action: 'toggle-added', help: 'Show or hide added files' },
  { keys: ['^R', '-'], place: 'files', action: 'toggle-removed', help: 'Show or hide removed files' },
  {
    keys: ['^M', '~'],
    place: 'files',
    action: 'toggle-changed',
    help: 'Show or hide modified files (^M is also Enter)',
  },
  { keys: ['^U', '='], place: 'files', action: 'toggle-unchanged', help: 'Show or hide unmodified files' },
  { keys: ['^B'], place: 'files', action: 'attributes', help: 'Show or hide permissions and owners' },
  { keys: ['^O', 's'], place: 'files', action: 'sort', help: 'Sort by size, or by name', hint: 'sort' },
  { keys: ['v'], place: 'files', action: 'view', help: "Show the file's text, or its bytes", hint: 'look' },
  { keys: ['^E', 'e'], place: 'files', action: 'save', help: 'Save the file', hint: 'save' },
  { keys: ['g'], place: 'files', action: 'jump', help: 'Jump to the Dockerfile line that brought the file' },
  { keys: ['c'], place: 'files', action: 'causes', help: 'Show the chain of causes', hint: 'causes' },
  { keys: ['^L'], place: 'files', action: 'redraw', help: 'Draw the screen anew' },
  {
    keys: ['Enter', 'Right', 'l'],
    place: 'list',
    action: 'open',
    help: 'Show the files of the row',
    hint: 'files',
  },
  { keys: ['Left', 'h'], place: 'list', action: 'switch-pane', help: 'Go to the layers' },
  { keys: ['^O', 's'], place: 'list', action: 'sort', help: 'Sort by size, or by name', hint: 'sort' },
  { keys: ['g'], place: 'list', action: 'jump', help: 'Jump to the Dockerfile line that brought it' },
  { keys: ['c'], place: 'list', action: 'causes', help: 'Show the chain of causes', hint: 'causes' },
  { keys: ['^L'], place: 'list', action: 'redraw', help: 'Draw the screen anew' },
  { keys: ['x'], place: 'page', action: 'hex', help: 'Switch between text and bytes' },
  { keys: ['^E', 'e'], place: 'page', action: 'save', help: 'Save the file' },
  { keys: ['^L'], place: 'page', action: 'redraw', help: 'Draw the screen anew' },
];

/** The headings of the places, in the order of the help. */
export const PLACES: Record<Place, string> = {
  everywhere: 'Everywhere',
  left: 'Layers',
  files: 'Files',
  list: 'Packages, kinds, waste',
  page: 'A file, the help',
};

const BY_KEY = new Map(
  BINDINGS.flatMap(({ keys, place, action }) =>
    keys.map((key) => [`${place} ${canonical(key)}`, action] as const),
  ),
);

/** What a key does at a place; undefined for nothing. */
export function actionOf(key: string, place: Place): Action | undefined {
  return BY_KEY.get(`${place} ${canonical(key)}`) ?? BY_KEY.get(`everywhere ${canonical(key)}`);
}

function canonical(key: string): string {
  return key === '^M' ? 'Enter' : key === '^I' ? 'Tab' : key;
}

const CSI_FINAL: Record<string, string> = {
  A: 'Up',
  B: 'Down',
  C: 'Right',
  D: 'Left',
  F: 'End',
  H: 'Home',
  P: 'F1',
  Z: 'Shift-Tab',
};
const CSI_NUMBER: Record<string, string> = {
  1: 'Home',
  3: 'Delete',
  4: 'End',
  5: 'PageUp',
  6: 'PageDown',
  7: 'Home',
  8: 'End',
  11: 'F1',
};
const CONTROLS: Record<string, string> = {
  '\x00': '^Space',
  '\x08': 'Backspace',
  '\x09': 'Tab',
  '\x0d': 'Enter',
  '\x1f': '^/',
  '\x7f': 'Backspace',
  ' ': 'Space',
};
/** A whole escape sequence, or the beginning of one. */
const SEQUENCE = /^\x1b(?:\[([\x30-\x3f]*)[\x20-\x2f]*([\x40-\x7e])|O([\x40-\x7e])|(?=\x1b)|([^\x1b[O]))/;
const UNFINISHED = /^\x1b(?:$|O$|\[[\x30-\x3f]*[\x20-\x2f]*$)/;

/**
 * Turns what a terminal sends into names of keys: `Up`, `^F`, `Space`, `a`. An escape sequence may come in pieces: the
 * rest waits for the next piece, or for `flush`, after which a lone ESC is the key.
 */
export class KeyDecoder {
  readonly #utf8 = new StringDecoder('utf8');
  #pending = '';

  /** Whether the beginning of a sequence waits. */
  get isPending(): boolean {
    return this.#pending !== '';
  }

  push(bytes: Buffer): string[] {
    this.#pending += this.#utf8.write(bytes);
    const keys: string[] = [];
    while (this.#pending !== '' && !UNFINISHED.test(this.#pending)) {
      const key = this.#take();
      if (key !== undefined) keys.push(key);
    }
    return keys;
  }

  flush(): string[] {
    const isEscape = this.#pending === '\x1b';
    this.#pending = '';
    return isEscape ? ['Esc'] : [];
  }

  #take(): string | undefined {
    const match = SEQUENCE.exec(this.#pending);
    if (match !== null) {
      const [whole, numbers, final, single] = match;
      if (whole === '\x1b') {
        this.#pending = this.#pending.slice(1);
        return 'Esc';
      }
      this.#pending = this.#pending.slice(whole.length);
      if (final === '~') return CSI_NUMBER[numbers!.split(';')[0]!];
      return CSI_FINAL[final ?? single ?? ''];
    }
    const [character = ''] = this.#pending;
    this.#pending = this.#pending.slice(character.length);
    const named = CONTROLS[character];
    if (named !== undefined) return named;
    if (character < ' ') return `^${String.fromCharCode(character.charCodeAt(0) + 64)}`;
    return character;
  }
}
