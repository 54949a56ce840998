import type { ComponentChildren } from 'preact';
import { visibleLine } from '../../errors/safe-text.ts';
import { plural, size } from '../../events/units.ts';
import type { DescribedPackage } from '../../inspect/describe.ts';
import { KIND_WORDS } from '../../inspect/package.ts';
import type { Origin } from '../report-data.ts';
import { type File, type ImageModel, instructionText, locationOf, packageLabel } from './model.ts';
import { type Node, sumsBy } from './tree.ts';

/** What the right column tells of. */
export interface Subject {
  model: ImageModel;
  node?: Node;
  package?: DescribedPackage;
}

/** The chain of causes of a file, a package or a directory. */
export function Details({ subject }: { subject: Subject }) {
  const { model, node } = subject;
  if (subject.package !== undefined) return <PackageDetails model={model} of={subject.package} />;
  if (node?.file !== undefined) return <FileDetails model={model} file={node.file} />;
  return node === undefined ? null : <DirectoryDetails model={model} node={node} />;
}

function FileDetails({ model, file }: { model: ImageModel; file: File }) {
  return (
    <>
      <h3 class="path">
        <bdi>/{file.path}</bdi>
      </h3>
      <p>
        <b>{size(file.bytes)}</b>, {share(file.bytes, model)} · {KIND_WORDS[file.kind].name}
      </p>
      <ol class="chain">
        {file.package !== undefined && <PackageLinks model={model} of={file.package} />}
        <LayerLinks model={model} layer={file.layer} origins={file.origins.slice(1)} />
      </ol>
    </>
  );
}

function PackageDetails({ model, of }: { model: ImageModel; of: DescribedPackage }) {
  return (
    <>
      <h3 class="path">
        <bdi>{packageLabel(of)}</bdi>
      </h3>
      <p>
        <b>{size(of.bytes)}</b>, {share(of.bytes, model)} · {plural(of.files, 'file')} ·{' '}
        {KIND_WORDS[of.kind].name}
      </p>
      <ol class="chain">
        <PackageLinks model={model} of={of} />
        {of.layers.slice(0, 4).map((layer) => (
          <LayerLinks model={model} layer={layer} key={layer} />
        ))}
      </ol>
    </>
  );
}

function DirectoryDetails({ model, node }: { model: ImageModel; node: Node }) {
  const layers = sumsBy([node], ({ layer }) => layer).map(([layer, bytes]): [string, number] => {
    const instruction = model.instruction(layer);
    return [instruction === undefined ? `layer ${layer + 1}` : instructionText(instruction), bytes];
  });
  const packages = sumsBy([node], (file) =>
    file.package === undefined ? 'no package' : packageLabel(file.package),
  );
  return (
    <>
      <h3 class="path">
        <bdi>{node.path.includes(':/') ? node.path.replace(':/', ': /') : `/${node.path}`}</bdi>
      </h3>
      <p>
        <b>{size(node.bytes)}</b>, {share(node.bytes, model)} · {plural(node.files, 'file')}
      </p>
      <Shares title="Kinds" sums={sumsBy([node], ({ kind }) => KIND_WORDS[kind].name)} />
      <Shares title="Packages" sums={packages} />
      <Shares title="Brought by" sums={layers} />
    </>
  );
}

const SHOWN = 5;

function Shares({ title, sums }: { title: string; sums: [string, number][] }) {
  if (sums.length === 0) return null;
  const total = sums.reduce((sum, [, bytes]) => sum + bytes, 0) || 1;
  const shown = sums.length === SHOWN + 1 ? sums.length : SHOWN;
  const rest = sums.slice(shown);
  const rows = sums.slice(0, shown);
  if (rest.length > 0) rows.push([`${rest.length} more`, rest.reduce((sum, [, bytes]) => sum + bytes, 0)]);
  return (
    <>
      <h4>{title}</h4>
      <ul class="shares">
        {rows.map(([name, bytes]) => (
          <li key={name}>
            <span class="bar" aria-hidden="true">
              <span class="added" style={{ width: `${(bytes / total) * 100}%` }} />
            </span>
            <bdi title={name}>{name}</bdi> <span class="figure">{size(bytes)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function PackageLinks({ model, of }: { model: ImageModel; of: DescribedPackage }) {
  const askers = model.askedFor(of);
  return (
    <>
      <Link word="package">
        <b>
          <bdi>{packageLabel(of)}</bdi>
        </b>
        <small>
          {KIND_WORDS[of.kind].name}
          {of.license !== undefined && ` · ${text(of.license)}`} · {size(of.bytes)}
        </small>
        <small>
          <bdi>/{of.path}</bdi>
        </small>
      </Link>
      {askers.length > 0 && (
        <Link word="asked for by">
          {askers.map(({ label }, at) => (
            <span key={label}>
              {at > 0 && ' ← '}
              <bdi>{label}</bdi>
            </span>
          ))}
        </Link>
      )}
    </>
  );
}

interface LayerProps {
  model: ImageModel;
  layer: number;
  /** What gave it to the instruction that made the layer. */
  origins?: readonly Origin[];
}

function LayerLinks({ model, layer: at, origins = [] }: LayerProps) {
  const layer = model.layer(at);
  const instruction = model.instruction(at);
  const where = instruction && locationOf(instruction);
  return (
    <>
      {instruction !== undefined && (
        <Link word="brought by">
          <code>
            <bdi>{instructionText(instruction)}</bdi>
          </code>
          {where !== undefined && <small>{where}</small>}
        </Link>
      )}
      <Link word="from">{model.origin(at)}</Link>
      {origins.map((origin, step) => (
        <Link word={origin.kind === 'base' ? 'there from the base image' : 'made by'} key={step}>
          <code>
            <bdi>{instructionText(origin)}</bdi>
          </code>
          <small>
            {[locationOf(origin), origin.stage && `stage ${visibleLine(origin.stage)}`]
              .filter(Boolean)
              .join(', ')}
          </small>
        </Link>
      ))}
      <Link word="layer">
        {at + 1} of {model.data.layers.length}, {size(layer.packed)} packed
        <small class="digest">{layer.digest}</small>
      </Link>
    </>
  );
}

function Link({ word, children }: { word: string; children: ComponentChildren }) {
  return (
    <li>
      <span class="word">{word}</span>
      <div>{children}</div>
    </li>
  );
}

function share(bytes: number, { data }: ImageModel): string {
  const percent = data.size.tree === 0 ? 100 : (bytes / data.size.tree) * 100;
  return `${percent >= 10 ? Math.round(percent) : percent >= 0.1 ? percent.toFixed(1) : '<0.1'} %`;
}

function text(value: string): string {
  return value.slice(0, 200);
}
