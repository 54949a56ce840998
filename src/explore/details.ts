import { plural, size } from '../events/units.ts';
import type { DescribedPackage } from '../inspect/describe.ts';
import { KIND_WORDS } from '../inspect/package.ts';
import { WASTED } from './causes.ts';
import type { Explorer } from './explorer.ts';
import { STATUS } from './file-tree.ts';
import { wrapped } from './pages.ts';
import type { Span } from './screen.ts';
import { safe } from './screen.ts';
import { amount, linkOf, modeText, placeOf, span, textOf, timeText } from './text.ts';

const LABEL = 10;

/** The lines of the details pane for the selected row. */
export function describeSelection(explorer: Explorer, width: number): Span[][] {
  if (explorer.focus === 'left') return layerLines(explorer, width);
  if (explorer.view === 'files') return fileLines(explorer, width);
  if (explorer.view === 'waste') return wasteLines(explorer, width);
  if (explorer.view === 'kinds') return kindLines(explorer, width);
  const one = explorer.lists.packages[explorer.cursors.packages.row];
  return one === undefined ? [] : packageLines(explorer, one, width);
}

function line(label: string, text: string): Span[] {
  return [span(label.padEnd(LABEL), 'dim'), span(text)];
}

function instructionLines({ inspection }: Explorer, at: number, width: number): Span[][] {
  const instruction = inspection.instructions[at];
  if (instruction === undefined) return [];
  const place = placeOf(instruction);
  const text = `${place === '' ? '' : `${place}  `}${textOf(instruction)}`;
  return wrapped(safe(text), width - LABEL)
    .slice(0, 3)
    .map((part, index) => line(index === 0 ? 'line' : '', part));
}

function layerLines(explorer: Explorer, width: number): Span[][] {
  const { description, inspection, instruction: at } = explorer;
  const instruction = inspection.instructions[at];
  const lines = instructionLines(explorer, at, width);
  const facts: string[] = [];
  if (instruction?.stage !== undefined) facts.push(`stage ${instruction.stage}`);
  if (instruction?.from !== undefined) facts.push(`from ${instruction.from}`);
  if (instruction?.created !== undefined)
    facts.push(`made ${instruction.created.slice(0, 19).replace('T', ' ')}`);
  const made = explorer.left === 'layers' ? explorer.layer : instruction?.layer;
  if (made === undefined || made < 0) {
    lines.push(line('layer', 'none: it changes the configuration only'));
  } else {
    const { diffId, packed, bytes, files, wasted, base } = description.layers[made]!;
    const waste = wasted > 0 ? `, ${size(wasted)} of it wasted` : '';
    lines.push(line('brings', `${amount(bytes, files)}${waste}; ${size(packed)} to pull`));
    lines.push(line('changes', changesText(explorer, made)));
    lines.push(
      line(
        'layer',
        `${made + 1} of ${explorer.layers}${base ? `, of the base ${description.base?.name ?? 'image'}` : ''}`,
      ),
    );
    lines.push(line('diff id', diffId));
  }
  if (facts.length > 0) lines.push(line('', facts.join(', ')));
  return lines;
}

const counted = new WeakMap<object, string>();

function changesText({ inspection }: Explorer, layer: number): string {
  const changes = inspection.census.changes[layer]!;
  let text = counted.get(changes);
  if (text === undefined) {
    const counts = { added: 0, changed: 0, deleted: 0 };
    for (const { change } of changes) counts[change]++;
    text = `${counts.added} added, ${counts.changed} modified, ${plural(counts.deleted, 'path')} deleted`;
    counted.set(changes, text);
  }
  return text;
}

function fileLines(explorer: Explorer, width: number): Span[][] {
  const { node, files, tree, inspection } = explorer;
  const event = node === undefined ? -1 : files.snapshot.event[node]!;
  const entry = event < 0 ? undefined : tree.entries[event];
  if (entry === undefined) return [];
  const status = files.snapshot.status[node!]!;
  const layer = tree.layerOf[event]!;
  const path = `/${tree.paths[node!]}`;
  const link = linkOf(entry);
  const bytes =
    entry.type === 'directory' ? amount(files.bytes[node!]!, files.files[node!]!) : size(entry.size);
  const owner = `${modeText(entry)} ${entry.uid}:${entry.gid}`;
  const lines: Span[][] = [
    [span(path, 'bold'), span(link === undefined ? '' : ` -> ${link}`, 'dim')],
    line(entry.type, `${bytes}  ${owner}  ${timeText(entry.mtime)}`),
  ];
  const removed = tree.eventsOf(node!).find((at) => tree.entries[at] === undefined && at > event);
  const words =
    status === STATUS.removed && removed !== undefined
      ? `, removed by layer ${tree.layerOf[removed]! + 1}`
      : '';
  const brought = explorer.description.layers[layer]!;
  const leaf = inspection.census.leaves.get(tree.paths[node!]!);
  if (leaf !== undefined && leaf.layer === layer) {
    const { owner: of, kind = 'unowned' } = leaf;
    lines.push(line('kind', of === undefined ? kind : `${kind}, of ${of.name} ${of.version}`));
  }
  lines.push(line('layer', `${layer + 1}${brought.base ? ' (base)' : ''}${words}`));
  lines.push(...instructionLines(explorer, brought.instruction, width));
  if (entry.digest !== undefined) lines.push(line('sha256', entry.digest));
  return lines;
}

function wasteLines(explorer: Explorer, width: number): Span[][] {
  const row = explorer.lists.waste[explorer.cursors.waste.row];
  if (row === undefined) return [];
  const { path, bytes, layer, by, reason } = row;
  const of = (at: number) => {
    const { instruction } = explorer.description.layers[at]!;
    const found = explorer.inspection.instructions[instruction];
    return `layer ${at + 1}: ${found === undefined ? '' : textOf(found)}`;
  };
  const room = width - LABEL;
  const lines: Span[][] = [[span(`/${path}`, 'bold'), span(`  ${size(bytes)} pulled and not seen`)]];
  const both: [string, string][] = [
    ['brought', of(layer)],
    [WASTED[reason].replace(/ by$/, '').replace('only its owner, mode or time changed', 'changed'), of(by)],
  ];
  for (const [label, text] of both) {
    for (const [index, part] of wrapped(safe(text), room).slice(0, 2).entries()) {
      lines.push([span((index === 0 ? label : '').padEnd(LABEL + 2), 'dim'), span(part)]);
    }
  }
  return lines;
}

function kindLines(explorer: Explorer, _width: number): Span[][] {
  const row = explorer.lists.kinds[explorer.cursors.kinds.row];
  if (row === undefined) return [];
  return [
    [span(row.kind, 'bold'), span(`  ${KIND_WORDS[row.kind].about}`)],
    line('size', amount(row.bytes, row.files)),
    line('', 'Enter shows its files'),
  ];
}

function packageLines(explorer: Explorer, one: DescribedPackage, width: number): Span[][] {
  const {
    name,
    version,
    kind,
    bytes,
    files,
    license,
    purl,
    path,
    layers,
    askedBy,
    requires = [],
    source,
  } = one;
  const lines: Span[][] = [
    [span(`${name} ${version}`, 'bold'), span(`  ${kind}${license === undefined ? '' : `, ${license}`}`)],
    line(
      'size',
      `${amount(bytes, files)}, in ${layers.length === 1 ? 'layer' : 'layers'} ${layers.map((at) => at + 1).join(', ')}`,
    ),
    line('at', `/${path}${source === undefined ? '' : `  (source package ${source.name})`}`),
  ];
  if (askedBy !== undefined)
    lines.push(
      line(
        'asked by',
        `/${askedBy.path.replace(/^\//, '')}${askedBy.line === undefined ? '' : `:${askedBy.line}`}`,
      ),
    );
  if (purl !== undefined) lines.push(line('purl', purl));
  if (requires.length > 0) lines.push(line('needs', `${requires.length} packages`));
  const first = layers[0];
  if (first !== undefined)
    lines.push(...instructionLines(explorer, explorer.description.layers[first]!.instruction, width));
  return lines;
}
