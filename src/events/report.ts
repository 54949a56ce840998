import { renderWarning } from '../errors/render.ts';
import { type Style, style } from '../errors/style.ts';
import { familiarName } from '../image/reference.ts';
import { isFirst } from './cause.ts';
import { type BuildModel, stepName } from './model.ts';
import { plural, seconds, size } from './units.ts';
import { printable } from './width.ts';

/** The lines after a finished build: what came out of it, and how much of it had to be done. */
export function resultLines(model: BuildModel, paint: Style): string[] {
  if (model.finished === undefined) return [];
  const { imageId, tags, layers, durationMs } = model.finished;
  const facts: [string, string][] = imageId === undefined ? [] : [['Image', imageId]];
  if (tags.length > 0)
    facts.push(['Tags', paint.bold(printable(tags.map((tag) => familiarName(tag)).join(', ')))]);
  if (layers !== undefined) {
    const { newLayers, newBytes } = model;
    const fresh = newLayers === 0 ? 'nothing new' : `${newLayers} new, ${size(newBytes)}`;
    const unpacked = layers.unpacked === undefined ? '' : `, ${size(layers.unpacked)} unpacked`;
    const packed = `${size(layers.bytes)} packed${unpacked}`;
    facts.push(['Size', `${packed}, in ${plural(layers.count, 'layer')} (${fresh})`]);
  }
  facts.push(['Steps', stepSummary(model)]);
  facts.push(...reasons(model).map((reason, at): [string, string] => [at === 0 ? 'Why' : '', reason]));
  facts.push(['Time', seconds(durationMs)]);
  return facts.map(([name, value]) => `${paint.dim(name.padEnd(6))} ${value}`);
}

/** More steps than these are not explained in a summary. */
const EXPLAINED = 3;

/** Why steps were carried out, each cause once, with how many other steps follow from it. */
function reasons(model: BuildModel): string[] {
  const roots = [...model.steps.values()].flatMap(({ info, explained }) =>
    explained === undefined || explained.why.follows !== undefined ? [] : [{ info, explained }],
  );
  const lines = roots.slice(0, EXPLAINED).map(({ info, explained }) => {
    if (isFirst(explained.why)) return 'first build of this project on record';
    const more = model.followers(info.id);
    const tail = more === 0 ? '' : `; ${plural(more, 'more step')} follow${more === 1 ? 's' : ''} from this`;
    return printable(`${explained.text}${tail}`);
  });
  const rest = roots.length - lines.length;
  if (rest > 0) lines.push(`… and ${plural(rest, 'more cause')}: \`jettison why-ran\``);
  return lines;
}

/** `11: 3 executed, 6 cached, 2 reused`; outcomes that did not occur are left out. */
function stepSummary(model: BuildModel): string {
  const { done, cached, reused } = model.outcomes();
  const parts: string[] = [];
  if (done > 0) parts.push(`${done} executed`);
  if (cached > 0) parts.push(`${cached} cached`);
  if (reused > 0) parts.push(`${reused} reused`);
  const total = model.steps.size;
  return parts.length === 0 ? String(total) : `${total}: ${parts.join(', ')}`;
}

/** All warnings of the build, each ending without a newline. */
export function warningLines(model: BuildModel, color: boolean): string[] {
  const lines = model.warnings.map((warning) => renderWarning(warning, { color }).trimEnd());
  const more = model.warningCount - model.warnings.length;
  if (more > 0) lines.push(style(color).dim(`… and ${plural(more, 'more warning')}`));
  return lines;
}

/** The last lines that each failed step printed, framed, under the step's name. */
export function failureLines(model: BuildModel, paint: Style): string[] {
  const lines: string[] = [];
  for (const step of model.steps.values()) {
    if (step.state !== 'failed' || step.output === undefined || step.output.count === 0) continue;
    const last = step.output.last();
    const hidden = step.output.count - last.length;
    lines.push(paint.dim('------'), ` > ${stepName(step.info)}:`);
    if (hidden > 0) lines.push(paint.dim(`… ${plural(hidden, 'line')} before these`));
    lines.push(...last.map(printable), paint.dim('------'));
  }
  return lines;
}
