import { plural, size } from './units.ts';

/** Why a step ran: one fact that differs from an earlier build. Those that stand first are told first. */
export const CAUSE_KINDS = [
  // Whatever the step reads.
  'no-cache',
  'no-cache-filter',
  'version',
  'first',
  'first-platform',
  'pruned',
  // What it is.
  'added',
  'removed',
  'moved',
  'instruction',
  'flag',
  'mount',
  'variable',
  // What it reads.
  'base',
  'image',
  'remote',
  'file-changed',
  'file-new',
  'file-gone',
  'file-renamed',
  'file-ignored',
  'file-admitted',
  'file-mode',
  'file-owner',
  'file-type',
  'file-link',
  'file-attributes',
  'account',
  'below',
  // It is known, and nothing differs.
  'failed',
  'lost',
  'isolation',
  'result',
  'unknown',
] as const;

export type CauseKind = (typeof CAUSE_KINDS)[number];

/** A fact that differs: what it is about, what it was and what it is. */
export interface Cause {
  kind: CauseKind;
  /** A path, a variable, a flag, an image. */
  name: string;
  was?: string;
  now?: string;
  /** Where a file is, if not in the build context: `stage build`, `context lib`. */
  place?: string;
  /** The instruction whose fact it is: another one than the step's where the step follows from it. */
  at: { stage: string; title: string; line: number };
}

/** Why a step ran, compared with the build on record that is most like this one. */
export interface Why {
  /** The root causes, most telling first. */
  causes: Cause[];
  /** How many of them, the first ones, no step of the build has named before; default: all. */
  named?: number;
  /** How many causes there are besides these. */
  more?: number;
  /** The build that it is compared with. */
  since?: { build: string; time: string };
  /** The id of the step that has named all of them before: this one follows from it. */
  follows?: string;
}

/** Equal for causes that are one and the same. */
export function causeKey({ kind, name, was, now, place }: Cause): string {
  return JSON.stringify([kind, name, was, now, place]);
}

export function byRank(a: Cause, b: Cause): number {
  return CAUSE_KINDS.indexOf(a.kind) - CAUSE_KINDS.indexOf(b.kind);
}

/** Whether there is nothing to compare with: of a project that is built for the first time, nobody asks why. */
export function isFirst({ causes }: Why): boolean {
  const [first] = causes;
  return first?.kind === 'first' && first.name === '';
}

/** One line for one cause: `src/a.ts changed (1.2kB → 1.3kB)`. @param own the step that it is told of */
export function causeText(cause: Cause, own?: { title: string; stage: string }): string {
  const { kind, was, now, at } = cause;
  const name = cause.place === undefined ? cause.name : `${cause.name} of ${cause.place}`;
  const isOwn = own === undefined || (own.title === at.title && own.stage === at.stage);
  switch (kind) {
    case 'no-cache':
    case 'no-cache-filter':
      return name;
    case 'version':
      return 'jettison was upgraded: cache keys changed';
    case 'first':
      return name === '' ? 'first build on record' : `first build of stage ${name}`;
    case 'first-platform':
      return `first build for ${name}`;
    case 'pruned':
      return 'its record was pruned';
    case 'added':
      return isOwn ? 'the instruction is new' : `${quoted(name)} is new`;
    case 'removed':
      return `${quoted(name)} is gone`;
    case 'moved':
      return isOwn ? 'the instruction was moved' : `${quoted(name)} was moved`;
    case 'instruction':
      return isOwn
        ? `the instruction changed (was ${quoted(was!)})`
        : `${quoted(name)} changed (was ${quoted(was!)})`;
    case 'flag':
    case 'variable':
      return `${name} ${differs(was, now)}`;
    case 'mount':
      return now === undefined
        ? `the mount ${name} is gone`
        : was === undefined
          ? `the mount ${name} is new`
          : `the mount ${name} changed`;
    case 'base':
      return `the base is ${now} (was ${was})`;
    case 'image':
      return `${at.title.startsWith('FROM') ? 'the base ' : ''}${name} moved from ${was} to ${now}`;
    case 'remote':
      return `${name} changed`;
    case 'file-changed':
      return `${name} changed (${sizes(Number(was), Number(now))})`;
    case 'file-new':
      return `${name} is new (${now})`;
    case 'file-gone':
      return `${name} is gone`;
    case 'file-renamed':
      return `${was} was renamed to ${name}`;
    case 'file-ignored':
      return `${now} now leaves out ${name}`;
    case 'file-admitted':
      return `${was} no longer leaves out ${name}`;
    case 'file-mode':
    case 'file-type':
      return `${name} is ${now} (was ${was})`;
    case 'file-owner':
      return `${name} belongs to ${now} (was ${was})`;
    case 'file-link':
      return `${name} points to ${now} (was ${was})`;
    case 'file-attributes':
      return `attributes of ${name} changed`;
    case 'account':
      return `the account ${name} is ${now} (was ${was})`;
    case 'below':
      return was === undefined
        ? `${name} in the image is ${now} now`
        : now === undefined
          ? `${name} in the image is gone (was ${was})`
          : `${name} in the image is ${now} (was ${was})`;
    case 'failed':
      return name;
    case 'lost':
      return 'its layer was lost or damaged';
    case 'isolation':
      return 'its layer was made with another isolation, and cannot be read with this one';
    case 'result':
      return `${quoted(name)} gave another result`;
    case 'unknown':
      return 'no reason is on record';
  }
}

/** Causes that say by themselves when. */
const TIMELESS: ReadonlySet<CauseKind> = new Set([
  ...(['no-cache', 'no-cache-filter', 'version', 'first', 'first-platform'] as const),
  ...(['pruned', 'lost', 'isolation', 'unknown'] as const),
]);

/** Why a step ran, without the "because": `VERSION is 1.4 (was 1.3) since the build 12 minutes ago`. */
export function whyText(why: Why, own: { title: string; stage: string }, now: number): string {
  const text = causesText(why, own);
  const [first] = why.causes;
  if (why.since === undefined || first === undefined || TIMELESS.has(first.kind)) return text;
  const ago = agoText(now - Date.parse(why.since.time));
  return first.kind === 'failed' ? `${text} in the build ${ago}` : `${text} since the build ${ago}`;
}

/** `just now`, `40 seconds ago`, `12 minutes ago`, `3 hours ago`, `5 days ago`. */
export function agoText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 1) return 'just now';
  if (seconds < 120) return `${plural(seconds, 'second')} ago`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} minutes ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} hours ago` : `${Math.floor(hours / 24)} days ago`;
}

/** The causes in one line, the first few by name. */
export function causesText(why: Why, own: { title: string; stage: string }, most = 3): string {
  const { named: count = 0, more = 0 } = why;
  const causes = count > 0 ? why.causes.slice(0, count) : why.causes;
  const shown = causes.length === most + 1 && more === 0 ? most + 1 : most;
  const named = causes.slice(0, shown).map((cause) => causeText(cause, own));
  const rest = causes.length - named.length + more;
  if (rest === 0) return enumerate(named);
  const areFiles = causes.slice(shown).every(({ kind }) => kind.startsWith('file-'));
  return enumerate([
    ...named,
    `${rest} more ${areFiles ? (rest === 1 ? 'file' : 'files') : rest === 1 ? 'difference' : 'differences'}`,
  ]);
}

function enumerate(parts: string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

function quoted(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}

function differs(was: string | undefined, now: string | undefined): string {
  if (was === undefined) return `is set (${shownValue(now!)})`;
  if (now === undefined) return `is not set any more (was ${shownValue(was)})`;
  if (was === now) return `changed (${shownValue(now)})`;
  return `is ${shownValue(now)} (was ${shownValue(was)})`;
}

function shownValue(value: string): string {
  return value === '' ? 'empty' : quoted(value);
}

/** Two sizes, exact where rounding would hide the difference. */
function sizes(was: number, now: number): string {
  if (was === now) return `${size(now)}, same size`;
  return size(was) === size(now) ? `${was}B → ${now}B` : `${size(was)} → ${size(now)}`;
}
