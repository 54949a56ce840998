import { style, wantsColor } from '../../errors/style.ts';
import { plural, size } from '../../events/units.ts';
import type { FileChange, ImageDiff, PackageChange } from '../../inspect/diff.ts';
import { locationText } from '../../inspect/instructions.ts';
import type { Io } from '../command.ts';

/** Files shown per cause without `--files`, the largest first. */
const SHOWN = 5;

/** How two images differ, for people. */
export function diffText(
  diff: ImageDiff,
  what: { files: boolean; packages: boolean; stat: boolean },
  io: Io,
): string {
  const paint = style(wantsColor(io.stdout, io.env));
  const { bold, dim } = paint;
  const sign = (change: 'added' | 'removed' | 'changed') =>
    change === 'added' ? paint.green('+') : change === 'removed' ? paint.red('-') : paint.yellow('~');
  const parts: string[] = [];
  if (what.stat || (!what.files && !what.packages)) parts.push(summary(diff));
  if (what.stat) return parts.join('\n');
  const all = !what.files && !what.packages;
  if (all && diff.config.length > 0) {
    const lines = diff.config.map(({ key, from, to }) => {
      const change = from === undefined ? 'added' : to === undefined ? 'removed' : 'changed';
      const values = [from, to]
        .filter((value) => value !== undefined)
        .map((value) => short(JSON.stringify(value)));
      return `  ${sign(change)} ${key}  ${values.join(' → ')}\n`;
    });
    parts.push(`${bold('Config')}\n${lines.join('')}`);
  }
  if (all && diff.layers.added.length + diff.layers.removed.length > 0) {
    const layer = (change: 'added' | 'removed', list: ImageDiff['layers']['added']) =>
      list.map(
        ({ packed, instruction }) => `  ${sign(change)} ${size(packed).padStart(7)}  ${first(instruction)}\n`,
      );
    parts.push(
      `${bold('Layers')} ${dim(`${diff.layers.shared} shared`)}\n${[...layer('removed', diff.layers.removed), ...layer('added', diff.layers.added)].join('')}`,
    );
  }
  if ((all || what.packages) && (diff.packages.length > 0 || what.packages)) {
    const lines = diff.packages.map((one) => `  ${sign(changeOf(one))} ${packageLine(one)}\n`);
    parts.push(`${bold('Packages')}\n${lines.join('') || '  none differs\n'}`);
  }
  if ((all || what.files) && (diff.files.length > 0 || what.files)) {
    parts.push(`${bold('Files')}\n${fileGroups(diff, what.files, sign, dim) || '  none differs\n'}`);
  }
  return parts.join('\n');
}

function summary({ from, to, size: sizes, pull, files, packages }: ImageDiff): string {
  const label = (text: string) => `  ${text.padEnd(10)}`;
  const line = (head: string, [a, b]: [number, number]) =>
    `${label(head)}${size(a)} → ${size(b)}${a === b ? '' : ` (${b > a ? '+' : '-'}${size(Math.abs(b - a))})`}\n`;
  const count = (change: FileChange['change']) => files.filter((file) => file.change === change).length;
  return (
    `${from.label} → ${to.label}\n` +
    line('size', sizes.tree) +
    line('packed', sizes.packed) +
    line('waste', sizes.waste) +
    `${label('files')}${count('added')} added, ${count('removed')} removed, ${count('changed')} changed\n` +
    `${label('packages')}${packages.length === 0 ? 'the same' : `${plural(packages.length, 'difference')}`}\n` +
    `${label('to pull')}${size(pull.bytes)} in ${plural(pull.layers, 'layer')}, with ${from.label} there\n`
  );
}

function changeOf({ from, to }: PackageChange): 'added' | 'removed' | 'changed' {
  return from === undefined ? 'added' : to === undefined ? 'removed' : 'changed';
}

function packageLine({ type, name, from, to, dev }: PackageChange): string {
  const versions = [from, to].filter((version) => version !== undefined).join(' → ');
  return `${name} ${versions}  ${type}${dev ? ', development' : ''}`;
}

/** Files by the cause of their change. */
function fileGroups(
  { files, causes }: ImageDiff,
  every: boolean,
  sign: (change: FileChange['change']) => string,
  dim: (text: string) => string,
): string {
  return causes
    .map((cause, at) => {
      const own = files.filter((file) => file.cause === at);
      const shown = every
        ? own
        : [...own].sort((a, b) => Math.abs(b.to - b.from) - Math.abs(a.to - a.from)).slice(0, SHOWN);
      const where = [
        ...(cause.location === undefined ? [] : [locationText(cause.location)]),
        ...(cause.stage === undefined ? [] : [`stage ${cause.stage}`]),
      ];
      const name =
        cause.in === 'base' ? `the base ${cause.text}` : first(cause.text) || 'a layer without history';
      const head = `  ${name}  ${dim(`${where.length > 0 ? `${where.join(', ')}; ` : ''}${plural(cause.files, 'file')}, +${size(cause.added)} -${size(cause.removed)}`)}\n`;
      const lines = shown.map(({ path, change, fields = [], from, to }) => {
        const detail =
          change === 'changed'
            ? `${fields.join(', ')}${from === to ? '' : ` ${size(from)} → ${size(to)}`}`
            : size(change === 'added' ? to : from);
        return `    ${sign(change)} /${path}  ${dim(detail)}\n`;
      });
      const rest = own.length - shown.length;
      return `${head}${lines.join('')}${rest > 0 ? `      ${dim(`and ${rest} more: --files lists all`)}\n` : ''}`;
    })
    .join('');
}

function first(text: string): string {
  const [line = '', ...more] = text.trim().split('\n');
  return more.length > 0 ? `${line} …` : line;
}

function short(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
