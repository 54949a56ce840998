import { size } from '../../events/units.ts';
import { shellsOf } from '../../inspect/budget.ts';
import { packedBytes, pullCost } from '../../inspect/diff.ts';
import type { Inspection } from '../../inspect/inspection.ts';
import { defineCommand } from '../command.ts';
import { table } from '../print/docker-units.ts';
import { printJson } from '../print/list-output.ts';
import { markdownTable } from '../print/markdown.ts';
import { SOURCE_FLAGS, SOURCE_NOTE, withInspections } from '../with-inspections.ts';

const FORMATS = ['table', 'markdown'] as const;

interface Figures {
  image: string;
  size: number;
  packed: number;
  layers: number;
  files: number;
  packages: number;
  waste: number;
  user: string;
  shell: string | null;
  healthcheck: boolean;
  /** Bytes to download if the first image is present. */
  pull: number;
}

function figuresOf(inspection: Inspection, first: Inspection): Figures {
  const { image, census } = inspection;
  const { User, Healthcheck } = image.config.config ?? {};
  const [shell = null] = shellsOf(inspection);
  return {
    ...{ image: image.label, size: census.treeBytes, packed: packedBytes(inspection) },
    ...{
      layers: image.layers.length,
      files: census.treeFiles,
      packages: census.packages.size,
      waste: census.wasteBytes,
    },
    ...{ user: User || 'root', shell, healthcheck: (Healthcheck?.Test?.[0] ?? 'NONE') !== 'NONE' },
    pull: pullCost(first, inspection).bytes,
  };
}

const ROWS: [head: string, (one: Figures, first: Figures) => string][] = [
  ['Size', ({ size: bytes }, first) => `${size(bytes)}${ratio(bytes, first.size)}`],
  ['Packed', ({ packed }, first) => `${size(packed)}${ratio(packed, first.packed)}`],
  ['Layers', ({ layers }) => String(layers)],
  ['Files', ({ files }) => files.toLocaleString('en-US')],
  ['Packages', ({ packages }) => packages.toLocaleString('en-US')],
  ['Waste', ({ waste }) => size(waste)],
  ['User', ({ user }) => user],
  ['Shell', ({ shell }) => shell ?? 'none'],
  ['Health check', ({ healthcheck }) => (healthcheck ? 'yes' : 'none')],
  ['To pull', ({ pull }) => size(pull)],
];

function rows(all: Figures[]): string[][] {
  const [first] = all;
  return [
    ['', ...all.map(({ image }) => image)],
    ...ROWS.map(([head, text]) => [
      head,
      ...all.map((one, at) => (head === 'To pull' && at === 0 ? '' : text(one, first!))),
    ]),
  ];
}

/** ` (-62 %)`, against the first image. */
function ratio(value: number, first: number): string {
  if (first === 0 || value === first) return '';
  const percent = Math.round((value / first - 1) * 100);
  return ` (${percent > 0 ? '+' : ''}${percent} %)`;
}

export const command = defineCommand({
  usage: 'jettison compare [OPTIONS] IMAGE...',
  about: `Puts images side by side: sizes, layers, files, packages, waste, user, shell, health check, and the download for
each where the first is present.`,
  flags: {
    format: { value: 'FORMAT', values: FORMATS, help: 'table (the default) or markdown, for a pull request' },
    json: { help: 'The figures as JSON' },
    ...SOURCE_FLAGS,
  },
  notes: SOURCE_NOTE,
  examples: [
    'jettison compare app:naive app:multi-stage app:distroless',
    'jettison compare --format markdown app:main app:branch',
  ],
  async run({ flags, args, io }) {
    return withInspections(args, flags, io, (inspections) => {
      const all = inspections.map((one) => figuresOf(one, inspections[0]!));
      if (flags.json) printJson(io, all);
      else io.stdout.write(flags.format === 'markdown' ? markdownTable(rows(all), true) : table(rows(all)));
      return 0;
    });
  },
});
