import { style, wantsColor } from '../../errors/style.ts';
import { plural, size } from '../../events/units.ts';
import { locationText } from '../../inspect/instructions.ts';
import { ORIGIN_VERBS } from '../../inspect/origins.ts';
import { KIND_WORDS } from '../../inspect/package.ts';
import type { Reason } from '../../inspect/why.ts';
import type { Io } from '../command.ts';

const WIDTH = 14;

/** The reason for a path in an image, as a chain from the path to the instruction. */
export function reasonText(reason: Reason, io: Io): string {
  const { bold, dim } = style(wantsColor(io.stdout, io.env));
  const line = (label: string, text: string) => `  ${dim(label.padEnd(WIDTH))}${text}\n`;
  const { path, isDirectory, bytes, files, kind, kinds, askedBy, asker, origins, layer, layers, earlier } =
    reason;
  const amount = files > 1 || isDirectory ? `${size(bytes)} in ${plural(files, 'file')}` : size(bytes);
  const mixed = kinds.filter(([, of]) => of > 0);
  const what =
    mixed.length > 1
      ? mixed.map(([one, of]) => `${KIND_WORDS[one].name} ${size(of)}`).join('; ')
      : KIND_WORDS[kind].name;
  let text = `${bold(`/${path}${isDirectory && path !== '' ? '/' : ''}`)}  ${amount}${mixed.length > 1 ? ': ' : ', '}${what}\n`;
  if (reason.package !== undefined) {
    const { name, version, license, dev } = reason.package;
    const facts = [
      `${size(reason.package.bytes)} in ${plural(reason.package.files, 'file')}`,
      ...(dev ? ['for development only'] : []),
      ...(license === undefined ? [] : [license]),
    ];
    text += line('package', `${name}@${version} (${facts.join(', ')})`);
  }
  if (askedBy.length > 0 || asker !== undefined) {
    const names = askedBy.map(({ name, version }) => `${name}@${version}`);
    const file =
      asker === undefined ? [] : [`/${asker.path}${asker.line === undefined ? '' : `:${asker.line}`}`];
    text += line('asked for by', [...names, ...file].join(' ← '));
  }
  for (const { kind: how, text: instruction, stage, location, path: there } of origins) {
    const where = [
      ...(location === undefined ? [] : [locationText(location)]),
      ...(stage === undefined ? [] : [`stage ${stage}`]),
      ...(there === path ? [] : [`as /${there}`]),
    ];
    const [first = '', ...more] = instruction.split('\n');
    text += line(
      ORIGIN_VERBS[how],
      `${first}${more.length > 0 ? ' …' : ''}${where.length > 0 ? `  ${dim(`(${where.join(', ')})`)}` : ''}`,
    );
  }
  if (layers.length > 1) {
    for (const { position, bytes: of, instruction } of layers) {
      text += line(`in layer ${position + 1}`, `${size(of).padStart(7)}  ${instruction.split('\n', 1)[0]}`);
    }
  } else {
    text += line(
      'layer',
      `${layer.position + 1} of ${layer.count}, ${layer.diffId} (${size(layer.packed)} packed)`,
    );
  }
  if (earlier.length > 0) {
    const wasted = earlier.reduce((sum, one) => sum + one.bytes, 0);
    const layers = [...new Set(earlier.map((one) => one.layer + 1))].sort((a, b) => a - b).join(', ');
    text += line(
      'and hidden',
      `${size(wasted)} in ${earlier.length === 1 ? 'a file' : plural(earlier.length, 'file')} of layer ${layers}`,
    );
  }
  return text;
}
