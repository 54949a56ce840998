import { type Style, style, wantsColor } from '../../../errors/style.ts';
import { plural } from '../../../events/units.ts';
import type { SecretsReport } from '../../../leaks/find-secrets.ts';
import { type FoundSecret, type SecretPlace, secretsDocument } from '../../../leaks/secrets-json.ts';
import type { SecretSeverity } from '../../../secrets/secret-kind.ts';
import type { Io } from '../../command.ts';
import { oneLine, table } from '../docker-units.ts';
import { countsText, painted } from '../severity.ts';
import { COLUMNS, wrapped } from '../wrap.ts';

/** `sha256:` and 12 digits. */
const SHORT_DIGEST = 19;
/** Lists of what does not count end here. */
const MOST = 5;

/** What was found, for people: by place, with what became of it. */
export function secretsText(report: SecretsReport, io: Io): string {
  const paint = style(wantsColor(io.stdout, io.env));
  const columns = io.stdout.columns ?? COLUMNS;
  const { image, findings, counts, searched, published, forged, ignored, more, partial } =
    secretsDocument(report);
  const parts = [`${paint.bold(image.label)}  ${summary(findings, counts, paint)}\n`];
  for (const group of byPlace(findings)) parts.push(groupText(group, paint, columns));
  const notes = [
    `Searched: the config, and ${plural(searched.files, 'file')} of ${plural(searched.layers, 'layer')}.`,
    ...(findings.length === 0
      ? []
      : [
          'Change what is listed: who has pulled the image has it. Give a build its secrets with RUN --mount=type=secret.',
        ]),
    ...listed(`${ignored.length} ignored`, ignored, ({ kind, name, line, reason, until, from }) => {
      const end = until === undefined ? '' : `, until ${until}`;
      return `${kind} in ${at(name, line)}: ${reason}${end} (${from})`;
    }),
    ...listed(
      `${published.length} not counted: they are in files that packages bring to everybody`,
      published,
      ({ title, name, line }) => `${title} in ${at(name, line)}`,
    ),
    ...listed(
      `${forged.length} not counted: their checksums are wrong, so nobody has issued them`,
      forged,
      ({ title, name, line }) => `${title} in ${at(name, line)}`,
    ),
    ...(more > 0 ? [`${more} more are not listed.`] : []),
    ...listed(
      `${partial.length} searched in part only: they consist of beginnings of secrets`,
      partial,
      (path) => path,
    ),
  ];
  parts.push(
    notes
      .flatMap((note) => wrapped(note, note.startsWith('  ') ? '    ' : '', columns))
      .map((line) => `${line}\n`)
      .join(''),
  );
  return parts.join('\n');
}

function summary(
  findings: readonly FoundSecret[],
  counts: Record<SecretSeverity, number>,
  paint: Style,
): string {
  if (findings.length === 0) return paint.green('no secrets found');
  return `${plural(findings.length, 'secret')}: ${countsText(counts, paint)}`;
}

/** Findings of one place with one story, in the order of the first of each. */
function byPlace(findings: readonly FoundSecret[]): FoundSecret[][] {
  const groups = new Map<string, FoundSecret[]>();
  for (const finding of findings) {
    const { where, name, addedBy, hiddenBy, base } = finding;
    const isFile = where === 'file';
    const key = JSON.stringify([where, isFile ? name : '', addedBy, hiddenBy, base]);
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()];
}

function groupText(group: FoundSecret[], paint: Style, columns: number): string {
  const [first] = group as [FoundSecret];
  const isFile = first.where === 'file';
  const rows = group.map(({ severity, line, name, title, masked }) => [
    severity,
    isFile ? (line === undefined ? '' : `line ${line}`) : name,
    title,
    masked,
  ]);
  const lines = table(rows, { columns: columns - 2, shrink: [1, 2] })
    .trimEnd()
    .split('\n');
  const found = group.map(({ severity }, index) => `  ${painted(severity, lines[index]!, paint)}\n`).join('');
  const heading = isFile ? oneLine(first.name) : HEADINGS[first.where];
  const story = storyOf(first).flatMap((text) => wrapped(`  ${text}`, '    ', columns));
  return `${paint.bold(heading)}\n${found}${story.map((line) => `${line}\n`).join('')}`;
}

const HEADINGS = {
  file: '',
  variable: 'Variables of the config',
  label: 'Labels of the config',
  command: 'Commands of the config',
  argument: 'Build arguments in the history',
  history: 'History',
} as const;

/** By whom it was added and hidden, and who has it still. */
function storyOf({ where, addedBy, hiddenBy, base }: FoundSecret): string[] {
  const from = base ? ' of the base image' : '';
  if (where !== 'file') {
    return addedBy.map((place) => `set by ${placeText(place)}${from}: in the config that everybody pulls`);
  }
  const added = addedBy.map(
    (place, index) => `${index === 0 ? 'added' : 'and again'} by ${placeText(place)}${from}`,
  );
  const digests = addedBy.map(({ digest = '' }) => digest.slice(0, SHORT_DIGEST)).join(', ');
  const layers = addedBy.length === 1 ? 'layer' : 'layers';
  if (hiddenBy === undefined) return [...added, `visible in ${layers} ${digests}`];
  const how = hiddenBy.reason === 'deleted' ? 'deleted' : 'replaced';
  return [...added, `${how} by ${placeText(hiddenBy)}`, `still in ${layers} ${digests} that everybody pulls`];
}

function placeText({ file, line, instruction, layer }: SecretPlace): string {
  const text = oneLine(instruction ?? '');
  const short = text.length > 60 ? `${text.slice(0, 59)}…` : text;
  if (file !== undefined) return `${oneLine(file)}:${line} (${short})`;
  return short === '' ? `layer ${layer === undefined ? 'unknown' : layer + 1}` : `"${short}"`;
}

/** A heading, and the first ones of a list below it. */
function listed<T>(heading: string, list: readonly T[], text: (one: T) => string): string[] {
  if (list.length === 0) return [];
  const rest = list.length > MOST ? [`  and ${list.length - MOST} more: see --format json`] : [];
  return [`${heading}:`, ...list.slice(0, MOST).map((one) => `  ${oneLine(text(one))}`), ...rest];
}

function at(name: string, line: number | undefined): string {
  return line === undefined ? name : `${name}:${line}`;
}
