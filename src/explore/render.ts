import { plural, size } from '../events/units.ts';
import { displayWidth } from '../events/width.ts';
import type { WASTED } from './causes.ts';
import { describeSelection } from './details.ts';
import type { Explorer } from './explorer.ts';
import { STATUS } from './file-tree.ts';
import { BINDINGS } from './keys.ts';
import type { Layout } from './layout.ts';
import { VIEWS, type View } from './lists.ts';
import { FilePage } from './page.ts';
import { type Row, type Segment, type Span, type StyleName, safe } from './screen.ts';
import { linkOf, modeText, type Signs, sizeColumn, span, textOf } from './text.ts';

const STATUS_SIGNS = [' ', ' ', '+', '~', '-'];
const STATUS_STYLES: readonly (StyleName | undefined)[] = [
  undefined,
  undefined,
  'added',
  'changed',
  'removed',
];

/** The whole screen, a row each. Pure: the same state gives the same rows. */
export function render(explorer: Explorer, signs: Signs): Row[] {
  const { size: whole, current: layout } = explorer.layout;
  const { columns, rows } = whole;
  if (layout.tooSmall) {
    const text = `too small: ${columns}x${rows}`;
    return Array.from({ length: rows }, (_, at) => [full(columns, at === 0 ? [span(text)] : [])]);
  }
  const screen: Row[] = Array.from({ length: rows }, () => []);
  if (explorer.page !== undefined) pageRows(explorer, screen, signs);
  else paneRows(explorer, screen, layout, signs);
  screen[rows - 1] = [full(columns, lastLine(explorer))];
  return screen;
}

function full(columns: number, spans: readonly Span[]): Segment {
  return { column: 0, width: columns, spans };
}

function pageRows({ page, pageTop, layout }: Explorer, screen: Row[], signs: Signs): void {
  const { columns, rows } = layout.size;
  const lines = page!.lines(columns);
  const height = rows - 2;
  const shown =
    lines.length <= height
      ? ''
      : `${pageTop + 1}-${Math.min(lines.length, pageTop + height)} of ${lines.length}`;
  screen[0] = [title(0, columns, [span(page!.title, 'title')], true, signs, shown)];
  for (let at = 0; at < height; at++) screen[at + 1] = [full(columns, lines.at(pageTop + at) ?? [])];
}

function paneRows(explorer: Explorer, screen: Row[], layout: Layout, signs: Signs): void {
  const { columns } = explorer.layout.size;
  const { leftWidth, rightColumn, rightWidth, paneTop, paneHeight, detailsTop, detailsHeight, single } =
    layout;
  screen[0] = [full(columns, summaryLine(explorer, signs))];
  const showsLeft = !single || explorer.focus === 'left';
  const showsRight = !single || explorer.focus === 'right';
  const left = showsLeft ? leftTitle(explorer) : [];
  const right = showsRight ? rightTitle(explorer) : [];
  screen[1] = [
    ...(showsLeft ? [title(0, leftWidth, left, explorer.focus === 'left', signs)] : []),
    ...(single ? [] : [{ column: leftWidth, width: 1, spans: [span(' ')] }]),
    ...(showsRight
      ? [title(rightColumn, rightWidth, right, explorer.focus === 'right', signs, position(explorer))]
      : []),
  ];
  for (let at = 0; at < paneHeight; at++) {
    screen[paneTop + at] = [
      ...(showsLeft ? [leftRow(explorer, at, signs)] : []),
      ...(single ? [] : [{ column: leftWidth, width: 1, spans: [span(signs.bar, 'dim')] }]),
      ...(showsRight ? [rightRow(explorer, at, signs)] : []),
    ];
  }
  if (detailsHeight === 0) return;
  screen[detailsTop - 1] = [title(0, columns, [span('Details', 'bold')], false, signs)];
  const details = describeSelection(explorer, columns - 1);
  for (let at = 0; at < detailsHeight; at++) {
    screen[detailsTop + at] = [{ column: 1, width: columns - 1, spans: details[at] ?? [] }];
  }
}

/** The title line of a pane; bright in the pane that has the focus. */
function title(
  column: number,
  width: number,
  spans: readonly Span[],
  active: boolean,
  signs: Signs,
  end = '',
): Segment {
  const lead = span(active ? `${signs.mark} ` : `${signs.rule} `, active ? 'title' : 'dim');
  const tail = end === '' ? '' : ` ${end} `;
  const texts = spans.reduce((sum, { text }) => sum + displayWidth(safe(text)), 0);
  const fill = width - 2 - texts - 1 - displayWidth(tail);
  if (fill < 0) return { column, width, spans: [lead, ...spans] };
  const rules = signs.rule.repeat(Math.max(0, fill - 1)) + tail + signs.rule.repeat(Math.min(1, fill));
  return { column, width, spans: [lead, ...spans, span(` ${rules}`, 'dim')] };
}

/** The first line: the image's name and sizes, as many as fit. */
function summaryLine({ description, layout }: Explorer, signs: Signs): Span[] {
  const { image, size: sizes } = description;
  const facts: Span[][] = [
    [span(size(sizes.tree))],
    ...(sizes.waste > 0 ? [[span(`${size(sizes.waste)} wasted`, 'warning')]] : []),
    [span(`${size(sizes.packed)} to pull`)],
    [span(plural(sizes.layers, 'layer'))],
    [span(plural(sizes.files, 'file'))],
    [span(image.platform)],
  ];
  const separated = facts.map((fact, at) => [span(at === 0 ? '  ' : ` ${signs.dot} `, 'dim'), ...fact]);
  const label = [span(` ${image.label}`, 'bold')];
  return fitting([label, ...separated], layout.size.columns);
}

/** As many groups as fit, the first ones first. */
function fitting(groups: readonly (readonly Span[])[], columns: number): Span[] {
  let room = columns;
  const fit: Span[] = [];
  for (const group of groups) {
    room -= group.reduce((sum, { text }) => sum + displayWidth(safe(text)), 0);
    if (room < 0 && fit.length > 0) break;
    fit.push(...group);
  }
  return fit;
}

function leftTitle({ left, aggregated }: Explorer): Span[] {
  const name = left === 'layers' ? 'Layers' : 'Dockerfile lines';
  return [span(name, 'bold'), span(aggregated ? '  all changes so far' : '', 'dim')];
}

const VIEW_NAMES: Record<View, string> = {
  files: 'Files',
  packages: 'Packages',
  kinds: 'Kinds',
  waste: 'Waste',
};

function rightTitle(explorer: Explorer): Span[] {
  const { view, files, scope } = explorer;
  const filter = explorer.filters[view];
  const spans: Span[] = [];
  for (const one of VIEWS) {
    if (spans.length > 0) spans.push(span(' '));
    spans.push(one === view ? span(VIEW_NAMES[one], 'title') : span(VIEW_NAMES[one], 'dim'));
  }
  if (view === 'files' && scope !== undefined) spans.push(span(`  of ${scope.name}`, 'match'));
  if (filter !== '') spans.push(span('  /', 'dim'), span(filter, 'match'));
  const hidden = [...files.hidden].map((status) => STATUS_SIGNS[STATUS[status]]!.replace(' ', '='));
  if (view === 'files' && hidden.length > 0) spans.push(span(`  without ${hidden.join('')}`, 'warning'));
  const sort = view === 'files' ? files.sort : explorer.lists.sort;
  if (sort === 'size') spans.push(span('  by size', 'dim'));
  return spans;
}

function position(explorer: Explorer): string {
  const { count, view } = explorer;
  return count === 0 ? '' : `${explorer.cursors[view].row + 1}/${count}`;
}

function leftRow(explorer: Explorer, at: number, signs: Signs): Segment {
  const { leftWidth: width } = explorer.layout.current;
  const { left, inspection, description } = explorer;
  const cursor = explorer.cursors[left];
  const row = cursor.top + at;
  const count = left === 'layers' ? explorer.layers : explorer.instructions;
  if (row >= count) return { column: 0, width, spans: [] };
  const instructionAt = left === 'layers' ? description.layers[row]!.instruction : row;
  const instruction = inspection.instructions[instructionAt];
  const layer = left === 'layers' ? row : instruction?.layer;
  const isCompared = layer !== undefined && layer >= explorer.since && layer <= explorer.layer;
  const facts = layer === undefined ? undefined : description.layers[layer]!;
  const number =
    left === 'layers'
      ? String(row + 1).padStart(String(count).length)
      : (instruction?.location?.line.toString() ?? '').padStart(lineWidth(explorer));
  const bytes = facts === undefined ? ' '.repeat(7) : sizeColumn(facts.bytes);
  const style: StyleName | undefined = facts?.base ? 'dim' : undefined;
  return {
    column: 0,
    width,
    ...(row === cursor.row && { selected: explorer.focus === 'left' ? 'active' : 'inactive' }),
    spans: [
      span(isCompared ? signs.mark : ' ', 'changed'),
      span(number === '' ? '' : `${number} `, 'dim'),
      span(bytes, style),
      span(`  ${instruction === undefined ? '' : textOf(instruction)}`, style),
    ],
  };
}

function lineWidth({ inspection }: Explorer): number {
  const lines = inspection.instructions.map(({ location }) => String(location?.line ?? '').length);
  return Math.max(0, ...lines);
}

function rightRow(explorer: Explorer, at: number, signs: Signs): Segment {
  const { rightColumn: column, rightWidth: width } = explorer.layout.current;
  const cursor = explorer.cursors[explorer.view];
  const row = cursor.top + at;
  if (row >= explorer.count) {
    const isEmpty = explorer.count === 0 && at === 0;
    return { column, width, spans: isEmpty ? [span(` ${emptyText(explorer)}`, 'dim')] : [] };
  }
  const spans =
    explorer.view === 'files'
      ? fileSpans(explorer, explorer.files.rows[row]!, signs)
      : listSpans(explorer, explorer.view, row, signs);
  const selected = row !== cursor.row ? undefined : explorer.focus === 'right' ? 'active' : 'inactive';
  return { column, width, spans, ...(selected && { selected }) };
}

function emptyText({ view, filters, files }: Explorer): string {
  if (filters[view] !== '') return 'nothing matches the filter';
  if (view === 'files') return files.hidden.size > 0 ? 'nothing but what is hidden' : 'no files';
  return view === 'waste' ? 'nothing is wasted' : `no ${view} found`;
}

function fileSpans(explorer: Explorer, node: number, signs: Signs): Span[] {
  const { files, tree } = explorer;
  const { status, event } = files.snapshot;
  const entry = tree.entries[event[node]!];
  const isDirectory = entry?.type === 'directory';
  let is = status[node]!;
  // A directory in which something changed is shown as changed.
  if (isDirectory && is === STATUS.unchanged && files.touched[node] === 1) is = STATUS.changed;
  const style = STATUS_STYLES[is];
  const attributes =
    entry !== undefined && explorer.showsAttributes
      ? `${modeText(entry)} ${`${entry.uid}:${entry.gid}`.padStart(9)} `
      : '';
  const bytes = is === STATUS.removed ? (entry?.size ?? 0) : files.bytes[node]!;
  const indent = ' '.repeat(
    Math.min((tree.depths[node]! - 1) * 2, Math.floor(explorer.layout.current.rightWidth / 3)),
  );
  const fold = isDirectory ? `${files.isClosed(node) ? signs.closed : signs.open} ` : '  ';
  const link = entry === undefined ? undefined : linkOf(entry);
  const hasSize = isDirectory || entry?.type === 'file' || entry?.type === 'hardlink';
  return [
    span(`${STATUS_SIGNS[is]} `, style),
    span(attributes, 'dim'),
    span(`${hasSize ? sizeColumn(bytes) : ' '.repeat(7)} `, style ?? (bytes === 0 ? 'dim' : undefined)),
    span(indent + fold),
    span(tree.names[node]! + (isDirectory ? '/' : ''), style ?? (isDirectory ? 'bold' : undefined)),
    ...(link === undefined ? [] : [span(` ${signs.to} ${link}`, 'dim')]),
  ];
}

function listSpans(
  explorer: Explorer,
  view: Exclude<View, 'files'>,
  row: number,
  { ellipsis }: Signs,
): Span[] {
  if (view === 'packages') {
    const { name, version, kind, bytes, files } = explorer.lists.packages[row]!;
    return [
      span(` ${sizeColumn(bytes)} ${String(files).padStart(6)}  `),
      span(name, 'bold'),
      span(` ${version}`),
      span(`  ${kind}`, 'dim'),
    ];
  }
  if (view === 'kinds') {
    const { kind, bytes, files } = explorer.lists.kinds[row]!;
    const { tree } = explorer.description.size;
    const share = tree === 0 ? 0 : (bytes / tree) * 100;
    return [
      span(` ${sizeColumn(bytes)} ${String(files).padStart(6)} ${share.toFixed(1).padStart(5)}%  `),
      span(kind, 'bold'),
    ];
  }
  const { path, bytes, reason, layer, by } = explorer.lists.waste[row]!;
  return [
    span(` ${sizeColumn(bytes)}  `),
    span(WASTE_WORDS[reason].padEnd(12), reason === 'deleted' ? 'removed' : 'changed'),
    span(`${layer + 1}>${by + 1}`.padEnd(6), 'dim'),
    span(ending(`/${path}`, explorer.layout.current.rightWidth - WASTE_COLUMNS, ellipsis)),
  ];
}

/** Before the path in the list of waste. */
const WASTE_COLUMNS = 28;

/** A path cut at its beginning, so that its end is visible. */
function ending(path: string, columns: number, ellipsis: string): string {
  const characters = [...safe(path)];
  let room = columns;
  let at = characters.length;
  while (at > 0 && room >= displayWidth(characters[at - 1]!)) room -= displayWidth(characters[--at]!);
  if (at === 0) return path;
  return ellipsis + characters.slice(at + 1).join('');
}

const WASTE_WORDS: Record<keyof typeof WASTED, string> = {
  deleted: 'deleted',
  overwritten: 'overwritten',
  metadata: 'mode, owner',
};

/** The last line: the typed text, the work in progress, a message, or hints for keys. */
function lastLine(explorer: Explorer): Span[] {
  const { prompt, busy, message, place, page } = explorer;
  if (prompt !== undefined) {
    const name = prompt.for === 'filter' ? 'Filter: ' : 'Save as: ';
    const keys = prompt.for === 'filter' ? 'Enter keeps it, Esc clears it' : 'Enter saves, Esc cancels';
    return [span(` ${name}`, 'title'), span(prompt.text), span('_', 'title'), span(`   ${keys}`, 'dim')];
  }
  if (busy !== undefined) return [span(` ${busy}`, 'warning'), span('   Esc cancels', 'dim')];
  if (message !== undefined) return [span(` ${message.text}`, message.isError ? 'error' : 'warning')];
  const { columns } = explorer.layout.size;
  if (page instanceof FilePage) {
    return hints(columns, [
      ['Esc', 'close'],
      ['x', page.isHex ? 'text' : 'bytes'],
      ['e', 'save'],
      ['q', 'quit'],
    ]);
  }
  if (page !== undefined) {
    return hints(columns, [
      ['Esc', 'close'],
      ['q', 'quit'],
    ]);
  }
  const all = BINDINGS.filter(({ hint }) => hint !== undefined);
  const common = all.filter(({ place: of }) => of === 'everywhere');
  const shown = [...common.slice(0, 2), ...all.filter(({ place: of }) => of === place), ...common.slice(2)];
  return hints(
    columns,
    shown.map(({ keys, hint }) => [keys[0]!, hint!]),
  );
}

function hints(columns: number, all: [key: string, what: string][]): Span[] {
  const groups = all.map(([key, what]) => [span(` ${key}`, 'key'), span(` ${what} `, 'dim')]);
  return fitting(groups, columns);
}
