import { plural, size } from '../events/units.ts';
import type { ImageDescription } from '../inspect/describe.ts';
import { WASTED } from './causes.ts';
import { safe } from './screen.ts';
import { amount, placeOf, sizeColumn, textOf } from './text.ts';

/** How many rows the longer lists have. */
const ROWS = 10;

/** A summary of an image as lines of text, for output that is not a terminal. */
export function summaryLines(description: ImageDescription): string[] {
  const {
    image,
    size: sizes,
    base,
    distribution,
    layers,
    instructions,
    kinds,
    packages,
    waste,
  } = description;
  const lines = [
    `${image.label}  ${image.platform}  ${image.id}`,
    `${size(sizes.tree)} in ${plural(sizes.files, 'file')}, ${size(sizes.waste)} wasted, ${size(sizes.packed)} to pull, ${plural(sizes.layers, 'layer')}`,
  ];
  if (base !== undefined) lines.push(`on ${base.name ?? 'a base image'}: ${plural(base.layers, 'layer')}`);
  if (distribution !== undefined)
    lines.push(distribution.name ?? `${distribution.id} ${distribution.version ?? ''}`);
  lines.push('', layers.length === 0 ? 'LAYERS  none' : 'LAYERS');
  for (const [at, { bytes, wasted, instruction }] of layers.entries()) {
    const one = instructions[instruction];
    const place = one === undefined ? '' : placeOf(one);
    const text = one === undefined ? '' : textOf(one);
    const waste = wasted > 0 ? `  (${size(wasted)} wasted)` : '';
    lines.push(
      `${String(at + 1).padStart(3)} ${sizeColumn(bytes)}  ${place === '' ? '' : `${place}  `}${cut(text)}${waste}`,
    );
  }
  const byKind = bySize(Object.entries(kinds), ([, one]) => one.bytes);
  lines.push('', byKind.length === 0 ? 'KINDS  none' : 'KINDS');
  for (const [kind, { bytes, files }] of byKind) {
    lines.push(`    ${sizeColumn(bytes)}  ${kind.padEnd(12)}  ${plural(files, 'file')}`);
  }
  lines.push('', `PACKAGES  ${packages.length}`);
  const largest = bySize(packages, (one) => one.bytes).slice(0, ROWS);
  for (const { name, version, kind, bytes } of largest) {
    lines.push(`    ${sizeColumn(bytes)}  ${name} ${version}  ${kind}`);
  }
  if (packages.length > ROWS) lines.push(`             and ${packages.length - ROWS} more`);
  const wastedFiles = waste.reduce((sum, { bytes }) => sum + bytes, 0);
  lines.push('', `WASTE  ${amount(wastedFiles, waste.length)}`);
  for (const { path, bytes, layer, by, reason } of waste.slice(0, ROWS)) {
    lines.push(`    ${sizeColumn(bytes)}  /${path}  layer ${layer + 1}, ${WASTED[reason]} layer ${by + 1}`);
  }
  if (waste.length > ROWS) lines.push(`             and ${waste.length - ROWS} more`);
  return lines.map(safe);
}

function bySize<T>(all: readonly T[], bytes: (one: T) => number): T[] {
  return [...all].sort((a, b) => bytes(b) - bytes(a));
}

function cut(text: string): string {
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
