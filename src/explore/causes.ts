import { plural, size } from '../events/units.ts';
import type { Inspection } from '../inspect/inspection.ts';
import { locationText, madeBy } from '../inspect/instructions.ts';

import { ORIGIN_VERBS, type OriginLink, originsOf } from '../inspect/origins.ts';
import { why } from '../inspect/why.ts';
import type { Store } from '../store/store.ts';
import type { Subject } from './subject.ts';
import { amount, placeOf, textOf } from './text.ts';

/** One link of a chain of causes: a label and its text. */
export interface Cause {
  what: string;
  detail: string;
}

/** Words for the reasons why bytes of a layer are wasted. */
export const WASTED = {
  overwritten: 'overwritten by',
  deleted: 'deleted by',
  metadata: 'only its owner, mode or time changed by',
} as const;

/**
 * Why a path is in an image: its package and the packages that require it, the instructions that added it, the layer;
 * for a hidden path also the instruction that hides it.
 *
 * @param leaf the path, with its entry and content, as the layer has it
 */
export function causesOf(inspection: Inspection, store: Store, leaf: Subject): Cause[] {
  const { census } = inspection;
  const { path, layer, entry } = leaf;
  const now = census.get(path);
  const isSeen = now !== undefined && ('directory' in now ? entry.type === 'directory' : now.layer === layer);
  return isSeen ? seenCauses(inspection, store, path) : hiddenCauses(inspection, store, leaf);
}

function seenCauses(inspection: Inspection, store: Store, path: string): Cause[] {
  const [reason] = why(inspection, `/${path}`, store);
  const { bytes, files, isDirectory, kind, askedBy, asker, origins, layers, layer, earlier } = reason!;
  const causes: Cause[] = [
    { what: isDirectory ? 'directory' : 'path', detail: `/${path}` },
    { what: 'size', detail: isDirectory ? amount(bytes, files) : size(bytes) },
    { what: 'kind', detail: kind },
  ];
  if (reason!.package !== undefined) {
    const { name, version, bytes: all, files: count } = reason!.package;
    causes.push({ what: 'package', detail: `${name} ${version}, ${amount(all, count)}` });
  }
  for (const { name, version } of askedBy)
    causes.push({ what: 'asked for by', detail: `${name} ${version}` });
  if (asker !== undefined) {
    const line = asker.line === undefined ? '' : `:${asker.line}`;
    causes.push({ what: 'asked for by', detail: `/${asker.path.replace(/^\//, '')}${line}` });
  }
  causes.push(...origins.map(originCause));
  if (layers.length > 1) {
    for (const { position, bytes: of } of layers) {
      causes.push({ what: `layer ${position + 1}`, detail: `${size(of)} of it` });
    }
  } else {
    causes.push({ what: 'layer', detail: `${layer.position + 1} of ${layer.count}, ${layer.diffId}` });
  }
  if (earlier.length > 0) {
    const wasted = earlier.reduce((sum, one) => sum + one.bytes, 0);
    causes.push({
      what: 'and hidden',
      detail: `${size(wasted)} in ${plural(earlier.length, 'file')} of lower layers`,
    });
  }
  return causes;
}

function hiddenCauses(inspection: Inspection, store: Store, leaf: Subject): Cause[] {
  const { census, image, instructions } = inspection;
  const { path, layer } = leaf;
  const causes: Cause[] = [
    { what: 'path', detail: `/${path}` },
    ...originsOf(inspection, leaf, store).map(originCause),
    { what: 'layer', detail: `${layer + 1} of ${image.layers.length}, ${image.layers[layer]!.diffId}` },
  ];
  for (const { path: hidden, layer: brought, by, reason } of census.waste) {
    if (hidden !== path || brought !== layer) continue;
    const hiding = madeBy(instructions, by);
    const place = hiding === undefined ? '' : placeOf(hiding);
    const text = hiding === undefined ? '' : `: ${textOf(hiding)}${place === '' ? '' : ` (${place})`}`;
    causes.push({ what: WASTED[reason], detail: `layer ${by + 1}${text}` });
  }
  return causes;
}

function originCause({ kind, text, stage, location, from }: OriginLink): Cause {
  const facts = [
    ...(location === undefined ? [] : [locationText(location)]),
    ...(stage === undefined ? [] : [`stage ${stage}`]),
    ...(from === undefined || from.kind === 'context' ? [] : [`from ${from.kind} ${from.name}`]),
  ];
  const line = text.replace(/\s+/g, ' ');
  return { what: ORIGIN_VERBS[kind], detail: `${line}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}` };
}
