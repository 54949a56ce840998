import { JettisonError } from './error.ts';

interface Limit {
  most: number;
  unit: 'bytes' | 'entries' | 'times' | 'levels';
  /** Whether `JETTISON_LIMITS` may raise it, for large but legitimate input. */
  raisable?: true;
}

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** Limits of input: far above known use, below what would fill memory or disk. */
const LIMITS = {
  /** Members of a tar, including implied directories: about 1 KB of memory each. */
  'archive-entries': { most: 1_000_000, unit: 'entries', raisable: true },
  /** Names, link targets and extended attributes of a tar together. */
  'archive-names': { most: 512 * MiB, unit: 'bytes', raisable: true },
  /** Uncompressed size up to which the ratio does not matter: sparse files of a few GiB are common. */
  'archive-size': { most: 8 * GiB, unit: 'bytes', raisable: true },
  /** Maximum compression ratio of an archive beyond `archive-size`. */
  'archive-ratio': { most: 200, unit: 'times', raisable: true },
  /** A Dockerfile, or a .dockerignore. */
  'dockerfile-size': { most: 16 * MiB, unit: 'bytes' },
  /** A manifest or an index; registries refuse larger ones. */
  'manifest-size': { most: 4 * MiB, unit: 'bytes' },
  /** The config of an image. */
  'config-size': { most: 8 * MiB, unit: 'bytes' },
  /** A statement about an image: BuildKit's limit. */
  'statement-size': { most: 40 * MiB, unit: 'bytes', raisable: true },
  /** The config of a shared cache: it lists every layer of the build. */
  'cache-config-size': { most: 64 * MiB, unit: 'bytes' },
  /** All JSON of an image archive together: `docker save` writes the configs of all its images. */
  'archive-json': { most: 256 * MiB, unit: 'bytes', raisable: true },
  /** Nesting of JSON. Go's limit is 10,000; no image has more than ten. */
  'json-depth': { most: 200, unit: 'levels' },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;

const SETTING = 'JETTISON_LIMITS';

/**
 * The value of a limit: of the table, or of `JETTISON_LIMITS=archive-entries=5000000,archive-ratio=1000`.
 *
 * @throws JettisonError `LIMITS_INVALID`
 */
export function limit(name: LimitName, env: NodeJS.ProcessEnv = process.env): number {
  const setting = env[SETTING];
  return (setting ? readSetting(setting).get(name) : undefined) ?? LIMITS[name].most;
}

/**
 * Checks a value against a limit.
 *
 * @param subject for the message, e.g. `the archive`
 * @param code of the error, if this kind of input has its own
 * @throws JettisonError `LIMIT_EXCEEDED`, or of `code`
 */
export function checkLimit(name: LimitName, value: number, subject: string, code?: string): void {
  if (value > limit(name)) throw limitExceeded(name, subject, code);
}

/** Checks `archive-size` and `archive-ratio`. @throws JettisonError `LIMIT_EXCEEDED` */
export function checkRatio(packed: number, unpacked: number): void {
  if (unpacked <= limit('archive-size')) return;
  checkLimit('archive-ratio', unpacked / packed, 'the content of the archive');
}

export function limitExceeded(name: LimitName, subject: string, code = 'LIMIT_EXCEEDED'): JettisonError {
  const { unit, ...more }: Limit = LIMITS[name];
  const most = limit(name);
  return new JettisonError(code, `${subject} ${excess(most, unit)}, the limit "${name}"`, {
    hint: more.raisable
      ? `If the input is legitimate, raise the limit: ${SETTING}=${name}=${most * 4}`
      : 'Check whether it is the right file.',
    details: { limit: name, most },
  });
}

function excess(most: number, unit: Limit['unit']): string {
  const number = most.toLocaleString('en-US');
  switch (unit) {
    case 'bytes':
      return most % MiB === 0 ? `is larger than ${most / MiB} MiB` : `is larger than ${number} bytes`;
    case 'times':
      return `is more than ${number} times larger than its file`;
    case 'levels':
      return `is nested more than ${number} levels deep`;
    case 'entries':
      return `has more than ${number} entries`;
  }
}

let read: { setting: string; values: Map<string, number> } | undefined;

function readSetting(setting: string): Map<string, number> {
  if (read?.setting === setting) return read.values;
  const values = new Map<string, number>();
  for (const part of setting.split(',').map((part) => part.trim())) {
    if (part === '') continue;
    const [, name = '', value] = /^([a-z-]+)=(\d{1,15})$/.exec(part) ?? [];
    const known: Limit | undefined = Object.hasOwn(LIMITS, name) ? LIMITS[name as LimitName] : undefined;
    if (!known?.raisable) {
      const names = Object.keys(LIMITS).filter((name) => 'raisable' in LIMITS[name as LimitName]);
      throw new JettisonError('LIMITS_INVALID', `invalid ${SETTING}: "${part}"`, {
        hint: `Write NAME=NUMBER, separated by commas; NAME is ${names.join(', ')}.`,
        exitCode: 2,
      });
    }
    values.set(name, Number(value));
  }
  read = { setting, values };
  return values;
}
