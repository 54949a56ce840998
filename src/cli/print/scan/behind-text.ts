import type { Behind } from '../../../behind/find-behind.ts';
import { style, wantsColor } from '../../../errors/style.ts';
import { plural } from '../../../events/units.ts';
import type { Image } from '../../../image/image.ts';
import { locationText } from '../../../inspect/instructions.ts';
import type { Io } from '../../command.ts';
import { age, oneLine, table } from '../docker-units.ts';

/** CVE ids of a row; the rest is counted. */
const SHOWN = 3;
const SIGNATURES = {
  good: 'signed by a key of the image',
  bad: 'with a wrong signature',
  unchecked: 'signature not checked',
} as const;

/** Which packages are older than what their own sources offer, for people. */
export function behindText({ label }: Image, { behind, indexes, compared, unknown }: Behind, io: Io): string {
  const paint = style(wantsColor(io.stdout, io.env));
  const count = behind.reduce((sum, { packages }) => sum + packages.length, 0);
  const said =
    indexes.length === 0
      ? 'not compared'
      : `${count} of ${plural(compared, 'package')} behind their own sources`;
  const rows = behind.map(({ source, packages, installed, offered, cves, isBase, instruction }) => [
    packages.length === 1 && packages[0]!.name === source ? source : `${source} (${packages.length})`,
    `${installed} → ${offered}`,
    isBase ? 'base' : instruction?.location ? locationText(instruction.location) : '',
    idsText(cves),
  ]);
  return [
    `${paint.bold(label)}  ${indexes.length > 0 && count === 0 ? paint.green(said) : paint.yellow(said)}`,
    ...(behind.length === 0
      ? []
      : [
          '',
          ...table(rows)
            .trimEnd()
            .split('\n')
            .map((line) => `  ${line}`),
        ]),
    '',
    ...indexes.map(({ source: { uri, suite }, date, signature }) => {
      const made = date === undefined ? '' : `, made ${age(date)}`;
      return oneLine(`${[uri, suite].join(' ').trim()}${made}, ${SIGNATURES[signature]}`);
    }),
    ...(indexes.length === 0
      ? ['Not compared: no package source of the image has an index for its platform.']
      : []),
    ...(unknown.length === 0
      ? []
      : [
          `${plural(unknown.length, 'package')} not compared: no source offers ${unknown.length === 1 ? 'it' : 'them'}.`,
        ]),
    ...(behind.some(({ cves }) => cves === undefined) ? ['-: no changelog was found.'] : []),
    '',
  ].join('\n');
}

function idsText(cves: readonly string[] | undefined): string {
  if (cves === undefined) return '-';
  const more = cves.length > SHOWN ? ` and ${cves.length - SHOWN} more` : '';
  return `${cves.slice(0, SHOWN).join(' ')}${more}`;
}
