import { useMemo } from 'preact/hooks';
import { visibleLine } from '../../errors/safe-text.ts';
import { size } from '../../events/units.ts';
import type { DescribedPackage } from '../../inspect/describe.ts';
import { KIND_WORDS } from '../../inspect/package.ts';
import { type FileChange, type PackageChange, pullCost } from './difference.ts';
import { type File, type ImageModel, instructionText, locationOf } from './model.ts';
import { type Column, Table } from './table.tsx';

interface Props {
  model: ImageModel;
  /** What is searched for, in small letters. */
  query: string;
}

export function PackagesTab({
  model,
  query,
  onPackage,
}: Props & { onPackage: (of: DescribedPackage) => void }) {
  const rows = useMemo(
    () =>
      model.packages
        .filter(({ name, version, path }) => has(query, `${name}@${version} ${path}`))
        .sort((a, b) => b.bytes - a.bytes),
    [model, query],
  );
  const columns: Column<DescribedPackage>[] = [
    {
      label: 'Package',
      cell: (one) => (
        <button type="button" class="link" onClick={() => onPackage(one)}>
          <bdi>{one.name}</bdi>
        </button>
      ),
      sort: ({ name }) => name,
    },
    { label: 'Version', cell: ({ version }) => <bdi>{version}</bdi> },
    { label: 'Size', cell: ({ bytes }) => size(bytes), sort: ({ bytes }) => bytes, isNumber: true },
    { label: 'Files', cell: ({ files }) => files, sort: ({ files }) => files, isNumber: true },
    { label: 'Kind', cell: ({ kind }) => KIND_WORDS[kind].name, sort: ({ kind }) => KIND_WORDS[kind].name },
    { label: 'Where', cell: ({ path }) => <bdi>/{path}</bdi>, sort: ({ path }) => path, isWide: true },
  ];
  return <Table caption="Packages" columns={columns} rows={rows} none={none('packages', query)} />;
}

export function WasteTab({ model, query }: Props) {
  const { waste } = model.data;
  const rows = useMemo(
    () =>
      waste.map((one) => ({ ...one, path: visibleLine(one.path) })).filter(({ path }) => has(query, path)),
    [waste, query],
  );
  type Row = (typeof rows)[number];
  const columns: Column<Row>[] = [
    { label: 'Path', cell: ({ path }) => <bdi>/{path}</bdi>, sort: ({ path }) => path, isWide: true },
    { label: 'Size', cell: ({ bytes }) => size(bytes), sort: ({ bytes }) => bytes, isNumber: true },
    { label: 'Why', cell: ({ reason }) => REASONS[reason], sort: ({ reason }) => reason },
    {
      label: 'Brought by',
      cell: ({ layer }) => <By model={model} layer={layer} />,
      sort: ({ layer }) => -layer,
    },
    { label: 'Hidden by', cell: ({ by }) => <By model={model} layer={by} />, sort: ({ by }) => -by },
  ];
  return (
    <>
      <p>
        {size(model.data.size.waste)} of {size(model.data.size.shipped)} are pulled and never seen: later
        layers delete or replace them.
      </p>
      <Table caption="Waste" columns={columns} rows={rows} none={none('wasted bytes', query)} />
    </>
  );
}

const REASONS = {
  overwritten: 'overwritten',
  deleted: 'deleted',
  metadata: 'only its mode, owner or time changed',
};

export function FilesTab({ model, query, onFile }: Props & { onFile: (file: File) => void }) {
  const rows = useMemo(
    () => model.files.filter(matcher(query)).sort((a, b) => b.bytes - a.bytes),
    [model, query],
  );
  const columns: Column<File>[] = [
    {
      label: 'Path',
      cell: (file) => (
        <button type="button" class="link" onClick={() => onFile(file)}>
          <bdi>/{file.path}</bdi>
        </button>
      ),
      sort: ({ path }) => path,
      isWide: true,
    },
    { label: 'Size', cell: ({ bytes }) => size(bytes), sort: ({ bytes }) => bytes, isNumber: true },
    { label: 'Kind', cell: ({ kind }) => KIND_WORDS[kind].name, sort: ({ kind }) => KIND_WORDS[kind].name },
    {
      label: 'Package',
      cell: (file) => <bdi>{file.package?.name ?? ''}</bdi>,
      sort: (file) => file.package?.name ?? '\uffff',
    },
    {
      label: 'Brought by',
      cell: ({ layer }) => <By model={model} layer={layer} />,
      sort: ({ layer }) => -layer,
    },
  ];
  return <Table caption="Largest files" columns={columns} rows={rows} none={none('files', query)} />;
}

export function LayersTab({ model }: { model: ImageModel }) {
  const rows = model.data.layers.map((layer, at) => ({ ...layer, at }));
  type Row = (typeof rows)[number];
  const columns: Column<Row>[] = [
    { label: '#', cell: ({ at }) => at + 1, isNumber: true },
    { label: 'Instruction', cell: ({ at }) => <By model={model} layer={at} />, isWide: true },
    { label: 'Files’ size', cell: ({ bytes }) => size(bytes), sort: ({ bytes }) => bytes, isNumber: true },
    { label: 'Packed', cell: ({ packed }) => size(packed), sort: ({ packed }) => packed, isNumber: true },
    { label: 'Files', cell: ({ files }) => files, sort: ({ files }) => files, isNumber: true },
    { label: 'Wasted', cell: ({ wasted }) => size(wasted), sort: ({ wasted }) => wasted, isNumber: true },
    { label: 'From', cell: ({ at }) => model.origin(at) },
    { label: 'Digest', cell: ({ digest }) => <Digest of={digest} /> },
  ];
  return (
    <Table caption="Layers, the lowest first" columns={columns} rows={rows} none="The image has no layers." />
  );
}

export function HistoryTab({ model }: { model: ImageModel }) {
  const rows = model.data.instructions.map((instruction, at) => ({ instruction, at }));
  type Row = (typeof rows)[number];
  const columns: Column<Row>[] = [
    { label: '#', cell: ({ at }) => at + 1, isNumber: true },
    {
      label: 'Instruction',
      cell: ({ instruction }) => (
        <code>
          <bdi>{instructionText(instruction)}</bdi>
        </code>
      ),
      isWide: true,
    },
    { label: 'Line', cell: ({ instruction }) => locationOf(instruction) ?? '' },
    {
      label: 'Size',
      cell: ({ instruction: { layer } }) => (layer === undefined ? '' : size(model.layer(layer).bytes)),
      isNumber: true,
    },
    { label: 'Created', cell: ({ instruction }) => date(instruction.created) },
  ];
  return (
    <Table
      caption="History, the oldest first"
      columns={columns}
      rows={rows}
      none="The image has no history."
    />
  );
}

/** One column an image; rows that differ are marked. */
export function ConfigTab({ models }: { models: readonly ImageModel[] }) {
  const facts = models.map(configFacts);
  const names = [...new Set(facts.flatMap((of) => [...of.keys()]))];
  const rows = names.map((name) => ({ name, values: facts.map((of) => of.get(name) ?? []) }));
  type Row = (typeof rows)[number];
  const columns: Column<Row>[] = [
    { label: 'Member', cell: ({ name }) => name },
    ...models.map(
      (model, at): Column<Row> => ({
        label: models.length === 1 ? 'Value' : model.label,
        cell: ({ values }) =>
          values[at]!.map((value) => (
            <code class="value" key={value}>
              <bdi>{value}</bdi>
            </code>
          )),
        isWide: true,
      }),
    ),
  ];
  const isChanged = ({ values }: Row) => values.some((value) => value.join('\n') !== values[0]!.join('\n'));
  return (
    <Table
      {...{ caption: 'Config', columns, rows, none: 'The config is empty.' }}
      rowClass={(row) => (isChanged(row) ? 'changed' : '')}
    />
  );
}

function configFacts({ data }: ImageModel): Map<string, string[]> {
  const { image, distribution } = data;
  const facts: [string, unknown][] = [
    ['Id', image.id],
    ['Digest', image.digest],
    ['Platform', image.platform],
    ['Created', image.created],
    [
      'Distribution',
      distribution && (distribution.name ?? `${distribution.id} ${distribution.version ?? ''}`),
    ],
    ...Object.entries(image.config),
  ];
  return new Map(
    facts.flatMap(([name, value]) => {
      const lines = linesOf(value).map(visibleLine);
      return lines.length === 0 ? [] : [[visibleLine(name), lines] as const];
    }),
  );
}

function linesOf(value: unknown): string[] {
  if (value === undefined || value === null || value === '') return [];
  if (Array.isArray(value)) return value.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
  if (typeof value !== 'object') return [String(value)];
  return Object.entries(value).map(([name, of]) => {
    const isEmpty = typeof of === 'object' && of !== null && Object.keys(of).length === 0;
    return isEmpty ? name : `${name}=${typeof of === 'string' ? of : JSON.stringify(of)}`;
  });
}

interface DifferenceProps {
  before: ImageModel;
  after: ImageModel;
  files: readonly FileChange[];
  packages: readonly PackageChange[];
  query: string;
}

export function DifferenceTab({ before, after, files, packages, query }: DifferenceProps) {
  const figures = FIGURES.map(([name, of, isBytes]) => {
    const [was, is] = [of(before), of(after)];
    return { name, was, is, show: isBytes ? size : String };
  });
  type Figure = (typeof figures)[number];
  const summary: Column<Figure>[] = [
    { label: 'Figure', cell: ({ name }) => name, isWide: true },
    { label: 'Before', cell: ({ was, show }) => show(was), isNumber: true },
    { label: 'After', cell: ({ is, show }) => show(is), isNumber: true },
    {
      label: 'Difference',
      cell: ({ was, is, show }) =>
        `${signed(is - was, show)}${was === 0 || was === is ? '' : ` (${percent(was, is)})`}`,
      isNumber: true,
    },
  ];
  const changedPackages = packages.filter(({ name }) => has(query, name));
  const changedFiles = files.filter(({ path }) => has(query, path));
  const ofPackages: Column<PackageChange>[] = [
    { label: 'Package', cell: ({ name }) => <bdi>{name}</bdi>, sort: ({ name }) => name, isWide: true },
    { label: 'Type', cell: ({ type }) => type, sort: ({ type }) => type },
    { label: 'Change', cell: ({ status }) => <Status of={status} />, sort: ({ status }) => status },
    { label: 'Before', cell: (one) => one.before.join(', ') },
    { label: 'After', cell: (one) => one.after.join(', ') },
    {
      label: 'Growth',
      cell: ({ growth }) => signed(growth, size),
      sort: ({ growth }) => growth,
      isNumber: true,
    },
  ];
  const ofFiles: Column<FileChange>[] = [
    { label: 'Path', cell: ({ path }) => <bdi>/{path}</bdi>, sort: ({ path }) => path, isWide: true },
    { label: 'Change', cell: ({ status }) => <Status of={status} />, sort: ({ status }) => status },
    { label: 'Before', cell: (one) => (one.before ? size(one.before.bytes) : ''), isNumber: true },
    { label: 'After', cell: (one) => (one.after ? size(one.after.bytes) : ''), isNumber: true },
    {
      label: 'Growth',
      cell: ({ growth }) => signed(growth, size),
      sort: ({ growth }) => growth,
      isNumber: true,
    },
    {
      label: 'Package',
      cell: (one) => <bdi>{(one.after ?? one.before)!.package?.name ?? ''}</bdi>,
      sort: (one) => (one.after ?? one.before)!.package?.name ?? '\uffff',
    },
  ];
  return (
    <>
      <p>
        Pull cost: <b>{size(pullCost(before, after))}</b> to download for <bdi>{after.label}</bdi> where{' '}
        <bdi>{before.label}</bdi> is present.
      </p>
      <Table caption="Figures" columns={summary} rows={figures} none="" />
      <Table
        caption="Packages that differ"
        columns={ofPackages}
        rows={changedPackages}
        none={none('other packages', query)}
      />
      <Table
        caption="Files that differ"
        columns={ofFiles}
        rows={changedFiles}
        none={none('other files', query)}
      />
    </>
  );
}

const FIGURES: [string, (of: ImageModel) => number, isBytes: boolean][] = [
  ['Packed (to pull)', ({ data }) => data.size.packed, true],
  ['Shipped', ({ data }) => data.size.shipped, true],
  ['Final tree', ({ data }) => data.size.tree, true],
  ['Wasted', ({ data }) => data.size.waste, true],
  ['Files', ({ data }) => data.size.files, false],
  ['Layers', ({ data }) => data.size.layers, false],
  ['Packages', ({ data }) => data.packages.length, false],
];

function Status({ of }: { of: string }) {
  return <span class={`status ${of}`}>{of}</span>;
}

function By({ model, layer }: { model: ImageModel; layer: number }) {
  const instruction = model.instruction(layer);
  if (instruction === undefined) return <>layer {layer + 1}</>;
  const text = instructionText(instruction);
  return (
    <code class="by" title={text}>
      <bdi>{text}</bdi>
    </code>
  );
}

function Digest({ of }: { of: string }) {
  return (
    <code class="digest" title={of}>
      {of.replace(/^(sha256:)?(.{12}).*$/, '$2')}
    </code>
  );
}

export function matcher(query: string): (file: File) => boolean {
  return ({ path, package: owner }) => has(query, `${path} ${owner === undefined ? '' : owner.name}`);
}

function has(query: string, text: string): boolean {
  return query === '' || text.toLowerCase().includes(query);
}

function none(things: string, query: string): string {
  return query === '' ? `There are no ${things}.` : `There are no ${things} with “${query}”.`;
}

function signed(value: number, show: (value: number) => string): string {
  return value === 0 ? '±0' : `${value > 0 ? '+' : '−'}${show(Math.abs(value))}`;
}

function percent(was: number, is: number): string {
  const change = ((is - was) / was) * 100;
  return `${change > 0 ? '+' : '−'}${Math.abs(change).toFixed(Math.abs(change) < 10 ? 1 : 0)} %`;
}

function date(text: string | undefined): string {
  return text === undefined ? '' : text.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*$/, '$1 $2');
}
