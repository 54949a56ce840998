import { plural, seconds, size } from '../../events/units.ts';
import type { DescribedLayer } from '../../inspect/describe.ts';
import type { Instruction } from '../../inspect/instructions.ts';
import { type ImageModel, instructionText, locationOf } from './model.ts';

interface Props {
  model: ImageModel;
  /** The layer whose files are shown; undefined for all. */
  layer: DescribedLayer | undefined;
  onLayer: (layer: DescribedLayer | undefined) => void;
}

interface Line {
  instruction: Instruction;
  layer: DescribedLayer | undefined;
}

/** The instructions that made the image, each with a bar: what it added, and what of that is wasted. */
export function Dockerfile({ model, layer, onLayer }: Props) {
  const lines = model.data.instructions.map((instruction) => ({
    instruction,
    layer: instruction.layer === undefined ? undefined : model.layer(instruction.layer),
  }));
  const largest = Math.max(1, ...model.data.layers.map(({ bytes }) => bytes));
  const slowest = Math.max(0, ...lines.map(({ instruction }) => instruction.durationMs ?? 0));
  const isLocated = lines.some(({ instruction }) => instruction.location !== undefined);
  // Instructions between the base's layers are its own, too.
  const firstOwn = lines.findLastIndex((line) => line.layer?.base) + 1;
  const base = lines.slice(0, firstOwn);
  const rows = (of: Line[]) => (
    <ol>
      {of.map((line, at) => (
        <Row {...{ line, largest, slowest, chosen: layer, onLayer }} key={at} />
      ))}
    </ol>
  );
  return (
    <div class={`dockerfile${isLocated ? ' located' : ''}`}>
      {base.length > 0 && (
        <details open={firstOwn === lines.length}>
          <summary>
            <b>{model.baseName === undefined ? 'Base image' : `FROM ${model.baseName}`}</b>
            <small>
              {' '}
              {plural(base.length, 'instruction')},{' '}
              {size(base.reduce((sum, line) => sum + (line.layer?.bytes ?? 0), 0))}
            </small>
          </summary>
          {rows(base)}
        </details>
      )}
      {lines.length === 0 && <p>The history has none.</p>}
      {rows(lines.slice(firstOwn))}
      <p class="key" aria-hidden="true">
        <span class="swatch added" /> added <span class="swatch wasted" /> of it wasted
        {slowest > 0 && (
          <>
            {' '}
            <span class="swatch time" /> time
          </>
        )}
      </p>
    </div>
  );
}

interface RowProps {
  line: Line;
  largest: number;
  slowest: number;
  chosen: DescribedLayer | undefined;
  onLayer: (layer: DescribedLayer | undefined) => void;
}

function Row({ line: { instruction, layer }, largest, slowest, chosen, onLayer }: RowProps) {
  const text = instructionText(instruction);
  const [, keyword = '', rest = text] = /^([A-Z]+)\s(.*)$/s.exec(text) ?? [];
  const { durationMs, location } = instruction;
  const content = (
    <>
      <span class="line" aria-hidden="true">
        {location?.line ?? ''}
      </span>
      <code>
        {keyword !== '' && <b>{keyword} </b>}
        <bdi>{rest}</bdi>
      </code>
      {layer !== undefined && (
        <span class="bar" aria-hidden="true">
          <span class="added" style={{ width: `${((layer.bytes - layer.wasted) / largest) * 100}%` }} />
          <span class="wasted" style={{ width: `${(layer.wasted / largest) * 100}%` }} />
        </span>
      )}
      {durationMs !== undefined && (
        <span class="bar" aria-hidden="true">
          <span class="time" style={{ width: `${(durationMs / Math.max(1, slowest)) * 100}%` }} />
        </span>
      )}
      {layer !== undefined && (
        <small>
          {size(layer.bytes)}
          {layer.wasted > 0 && <em>, {size(layer.wasted)} wasted</em>}
          {durationMs !== undefined && ` · ${seconds(durationMs)}`}
        </small>
      )}
    </>
  );
  const where = locationOf(instruction);
  return (
    <li title={where === undefined ? text : `${where}\n${text}`}>
      {layer === undefined ? (
        <div class="entry empty">{content}</div>
      ) : (
        <button
          type="button"
          class="entry"
          aria-pressed={chosen === layer}
          onClick={() => onLayer(chosen === layer ? undefined : layer)}
        >
          {content}
        </button>
      )}
    </li>
  );
}
