import { visibleHtml } from '../errors/safe-text.ts';
import { PHASES } from '../events/phase.ts';
import type { BuildTimings, TimedPart, TimeSpan } from '../events/timings.ts';
import { plural, seconds } from '../events/units.ts';
import { staticPage } from '../fields/static-page.ts';
import { criticalPath, parallelism } from './critical-path.ts';
import { lengthOf, partTimes, totalOf } from './part-times.ts';
import { WATERFALL_STYLE } from './waterfall-style.ts';

/** What the page says of the build besides its times. */
export interface WaterfallFacts {
  /** Its heading, e.g. the image's name. */
  title: string;
  /** Further facts, as they are shown. */
  facts: readonly (readonly [name: string, value: string])[];
  /** Of Jettison. */
  version: string;
}

/** Milliseconds: times of shorter builds are told in milliseconds. */
const SHORT_MS = 2000;

/** Lines of the scale. */
const TICKS = 5;

/**
 * The timings of a build as one HTML file: a row a part, its phases as bars over the time of the build. It has no script
 * and loads nothing; what the build says is escaped text.
 */
export function waterfallPage(timings: BuildTimings, { title, facts, version }: WaterfallFacts): string {
  const path = criticalPath(timings);
  const critical = new Set(path.map(({ part }) => part.id));
  const { workMs, average } = parallelism(timings);
  const parts = timings.parts.filter(({ sameAs }) => sameAs === undefined);
  const shown = parts.filter(({ busy, phases }) => [...busy, ...phases].some((span) => lengthOf(span) > 0));
  const hidden = parts.length - shown.length;
  const used = PHASES.filter((phase) =>
    shown.some(({ phases }) => phases.some((one) => one.phase === phase)),
  );
  const time = timeIn(timings.durationMs);
  const all = [
    ...facts,
    ['Time', time(timings.durationMs)],
    ['Critical path', `${time(totalOf(path))} of ${time(timings.durationMs)}`],
    ['Parallelism', `${average.toFixed(1)}: ${time(workMs)} of work`],
  ] as const;
  const body = `<header>
<h1>${visibleHtml(title)}</h1>
<dl>${all.map(([name, value]) => `<div><dt>${visibleHtml(name)}</dt><dd>${visibleHtml(value)}</dd></div>`).join('')}</dl>
</header>
<main>
<ul class="legend" aria-label="Phases">
${used.map((phase) => `<li><svg class="key" viewBox="0 0 10 10" aria-hidden="true"><rect class="${phase}" width="10" height="10"/></svg>${phase}</li>`).join('\n')}
<li><span class="mark" aria-hidden="true"></span>critical path</li>
</ul>
<table>
<thead><tr><th scope="col">Step</th><th scope="col" class="number">Start</th><th scope="col" class="number">Time</th><th scope="col" class="bars">Phases${scale(timings.durationMs)}</th></tr></thead>
<tbody>
${shown.map((part) => row(part, timings.durationMs, critical.has(part.id))).join('\n')}
</tbody>
</table>
<p class="faint">${hidden > 0 ? `${hidden} of ${plural(parts.length, 'part')} took no time worth a bar. ` : ''}Times of packing and pushing are those of the export.</p>
</main>
<footer class="faint">Jettison ${visibleHtml(version)}</footer>
`;
  return staticPage({ title: `${title} · Jettison build`, style: WATERFALL_STYLE, body });
}

function row(part: TimedPart, durationMs: number, isCritical: boolean): string {
  const time = timeIn(durationMs);
  const { startMs, ownMs, phases } = partTimes(part);
  const told = [...phases].map(([phase, ms]) => `${phase} ${time(ms)}`);
  const about = told.length === 0 ? `no phases, ${time(ownMs)}` : told.join(', ');
  const bars = [
    ...part.busy.map((span) => bar('work', span, durationMs, time(lengthOf(span)))),
    ...part.phases.map((span) => bar(span.phase, span, durationMs, `${span.phase} ${time(lengthOf(span))}`)),
  ];
  const outcome =
    part.outcome === undefined || part.outcome === 'done' ? '' : ` <small>${part.outcome}</small>`;
  const mark = isCritical ? '<span class="only-read">On the critical path: </span>' : '';
  return `<tr${isCritical ? ' class="critical"' : ''}><th scope="row">${mark}<span class="title" title="${visibleHtml(part.title)}">${visibleHtml(part.title)}</span>${outcome}</th><td class="number">${time(startMs)}</td><td class="number">${time(ownMs)}</td><td class="bars"><svg class="row" role="img" aria-label="${visibleHtml(about)}">${bars.join('')}</svg></td></tr>`;
}

function bar(name: string, span: TimeSpan, durationMs: number, title: string): string {
  const x = percent(span.startMs, durationMs);
  const width = percent(lengthOf(span), durationMs);
  return `<rect class="${name}" x="${x}" width="${width}" height="100%"><title>${title}</title></rect>`;
}

/** How times of a build are told that took so long. */
function timeIn(durationMs: number): (ms: number) => string {
  return durationMs < SHORT_MS ? (ms) => `${Math.round(ms)}ms` : seconds;
}

function scale(durationMs: number): string {
  const ticks = Array.from({ length: TICKS }, (_, i) => (durationMs * i) / TICKS);
  const time = timeIn(durationMs);
  const labels = ticks.map((ms) => `<text x="${percent(ms, durationMs)}" y="11">${time(ms)}</text>`);
  return `<svg class="scale" aria-hidden="true">${labels.join('')}</svg>`;
}

function percent(ms: number, durationMs: number): string {
  return `${durationMs === 0 ? 0 : Number(((ms * 100) / durationMs).toFixed(3))}%`;
}
