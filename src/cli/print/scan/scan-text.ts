import { highestScore, type SourceInfo } from '../../../advisories/advisory.ts';
import { type Style, style, wantsColor } from '../../../errors/style.ts';
import { plural } from '../../../events/units.ts';
import { locationText } from '../../../inspect/instructions.ts';
import type { ScanComparison } from '../../../scan/compare-scans.ts';
import { LIFECYCLES_MADE, type Lifecycle } from '../../../scan/lifecycle.ts';
import type { Finding } from '../../../scan/match-advisories.ts';
import type { Remedy } from '../../../scan/remedies.ts';
import { countBySeverity, type Scan } from '../../../scan/scan-image.ts';
import type { Io } from '../../command.ts';
import { age, table } from '../docker-units.ts';
import { countsText, painted } from '../severity.ts';

/** A database older than this is said to be old. */
const OLD_MS = 7 * 24 * 3600_000;

/** An end of life is said this long before. */
const SOON_MS = 180 * 24 * 3600_000;

/** What was found, for people: grouped by what removes it. */
export function scanText(found: Scan, io: Io): string {
  const paint = style(wantsColor(io.stdout, io.env));
  const { inspection, sources, findings, remedies, lifecycles } = found;
  const said = sources.length === 0 ? paint.yellow('not scanned') : summary(findings, paint);
  const parts = [`${paint.bold(inspection.image.label)}  ${said}\n`];
  parts.push(...lifecycleText(lifecycles, paint));
  for (const remedy of remedies) {
    parts.push(`${paint.bold(heading(remedy))}\n${rows(remedy.findings, paint)}`);
  }
  parts.push(`${notes(found).join('\n')}\n`);
  return parts.join('\n');
}

/** How the findings of two images differ, for people. */
export function comparisonText(
  found: Scan,
  { with: other, added, fixed, same }: ScanComparison,
  io: Io,
): string {
  const paint = style(wantsColor(io.stdout, io.env));
  const heading = `${paint.bold(found.inspection.image.label)}  compared with ${other}`;
  const parts = [`${heading}: ${added.length} new, ${fixed.length} fixed, ${same} in both\n`];
  if (added.length > 0) parts.push(`${paint.bold('New')}\n${rows(added, paint)}`);
  if (fixed.length > 0) parts.push(`${paint.bold('Fixed')}\n${rows(fixed, paint)}`);
  parts.push(`${notes(found).join('\n')}\n`);
  return parts.join('\n');
}

/** What was looked up where, what was not, and what was left out. */
function notes({ sources, scanned, notScanned, findings, ignored }: Scan): string[] {
  if (sources.length === 0) return ['Not scanned: there are no advisories to look in.'];
  return [
    `${plural(scanned, 'package')} looked up in ${sources.map(sourceText).join(', ')}.`,
    ...notScannedText(notScanned),
    ...findings.flatMap(({ advisory, package: one, vex }) =>
      vex === undefined
        ? []
        : `${advisory.id} in ${one.name} is ${vex.status.replace('_', ' ')}${vex.note === undefined ? '' : `: ${vex.note}`} (${vex.from}).`,
    ),
    ...(ignored.length === 0 ? [] : [`${plural(ignored.length, 'finding')} ignored:`]),
    ...ignored.map(({ finding, rule }) => {
      const until = rule.until === undefined ? '' : `, until ${rule.until}`;
      return `  ${finding.advisory.id} in ${finding.package.name}: ${rule.reason ?? 'no reason given'}${until} (${rule.from})`;
    }),
  ];
}

/** Releases whose support has ended or soon ends, and Nodes that are not the newest of their line. */
function lifecycleText(lifecycles: readonly Lifecycle[], { red, yellow }: Style): string[] {
  const lines = lifecycles.flatMap(
    ({ product, version, cycle, end, ended, extended, behind, newest, path }) => {
      const isSoon = !ended && Date.parse(end) - Date.now() < SOON_MS;
      const isBehind = path !== undefined && behind > 0;
      if (!ended && !isSoon && !isBehind) return [];
      const more = [
        ...(ended ? [red(`reached end of life on ${end}`)] : []),
        ...(isSoon ? [yellow(`reaches end of life on ${end}`)] : []),
        ...(ended && extended && Date.parse(extended.end) > Date.now()
          ? [`has ${extended.name} until ${extended.end}`]
          : []),
        ...(isBehind ? [`is ${plural(behind, 'release')} behind ${newest}`] : []),
        ...(path === undefined && behind > 0 ? [`${newest} is the newest release`] : []),
      ];
      const where = path === undefined ? '' : ` (/${path})`;
      return `${product} ${path === undefined ? cycle : version}${where} ${more.join('; ')}.`;
    },
  );
  return lines.length === 0 ? [] : [`${lines.join('\n')}\nDates and releases as of ${LIFECYCLES_MADE}.\n`];
}

function summary(findings: readonly Finding[], paint: Style): string {
  if (findings.length === 0) return paint.green('nothing found');
  return `${plural(findings.length, 'finding')}: ${countsText(countBySeverity(findings), paint)}`;
}

function heading({ kind, subject, to, from, where, findings }: Remedy): string {
  const removes = `removes ${findings.length}`;
  const at =
    where === undefined
      ? ''
      : ` (${[where.path, where.line].filter((part) => part !== undefined).join(':')})`;
  switch (kind) {
    case 'base':
      return `A newer base image${subject === '' ? '' : ` than ${subject}`} ${removes}`;
    case 'tool':
      return `Leaving ${subject} out of the final stage ${removes}`;
    case 'dev':
      return `Leaving development dependencies out ${removes}`;
    case 'rebuild':
      return `Running ${subject === '' ? 'the instruction' : short(subject)}${at} again ${removes}`;
    case 'package':
      return `${subject} ${from} → ${to}${at} ${removes}`;
    case 'none':
      return `Nothing removes these ${findings.length} yet`;
  }
}

function rows(findings: readonly Finding[], paint: Style): string {
  const lines = table(
    findings.map(({ advisory, package: one, version, fixedIn, instruction, isBase }) => [
      severityText(advisory),
      `${advisory.id}${exploitationText(advisory)}`,
      `${one.name} ${version}`,
      fixedIn === undefined ? statusText(advisory.status) : `→ ${fixedIn}`,
      isBase ? 'base' : placeText(instruction),
      short(advisory.title ?? ''),
    ]),
  ).split('\n');
  return findings.map(({ advisory }, at) => `  ${painted(advisory.severity, lines[at]!, paint)}\n`).join('');
}

/** `high 7.2`: with the highest score of CVSS, if there is one. */
function severityText({ severity, cvss }: Finding['advisory']): string {
  const score = highestScore(cvss);
  return score > 0 ? `${severity} ${score.toFixed(1)}` : severity;
}

/** What is known of attacks: ` (exploited, EPSS 97%)`. */
function exploitationText({ exploited, epss }: Finding['advisory']): string {
  const parts = [
    ...(exploited ? ['exploited'] : []),
    ...(epss === undefined ? [] : [`EPSS ${epss < 0.01 ? '<1' : Math.floor(epss * 100)}%`]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function placeText(instruction: Finding['instruction']): string {
  if (instruction?.location !== undefined) return locationText(instruction.location);
  return short(instruction?.text ?? '', 24);
}

function statusText(status: Finding['advisory']['status']): string {
  switch (status) {
    case 'will-not-fix':
      return 'no fix planned';
    case 'fix-deferred':
      return 'fix deferred';
    case 'end-of-life':
      return 'release has ended';
    case 'under-investigation':
      return 'investigated';
    default:
      return 'no fix yet';
  }
}

function sourceText({ kind, location, updated }: SourceInfo): string {
  if (updated === undefined) return `${kind} ${location}`;
  const isOld = Date.now() - Date.parse(updated) > OLD_MS;
  return `${kind} ${location} of ${age(updated)}${isOld ? ' (old: jettison db pull)' : ''}`;
}

function notScannedText(notScanned: Scan['notScanned']): string[] {
  const reasons = {
    'no-source': 'no source has advisories for them',
    version: 'their versions are not in the form that their advisories need',
  } as const;
  return (Object.keys(reasons) as (keyof typeof reasons)[]).flatMap((reason) => {
    const own = notScanned.filter((one) => one.reason === reason).map(({ package: { type } }) => type);
    const types = [...new Set(own)].map((type) => `${own.filter((one) => one === type).length} ${type}`);
    return own.length === 0
      ? []
      : [`${plural(own.length, 'package')} not scanned: ${reasons[reason]} (${types.join(', ')}).`];
  });
}

function short(text: string, most = 60): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}
