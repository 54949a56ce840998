import { JettisonError, type Location } from '../errors/error.ts';
import { splitRecord } from '../fields/csv.ts';
import type { RunInstruction, Word } from './ast.ts';
import { type ExpandOptions, expand, type Lookup } from './expand.ts';
import { findDidYouMean } from './suggest.ts';

type MountFlag = RunInstruction['mounts'][number];

const TYPES = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const;
const SHARING = ['shared', 'private', 'locked'] as const;
const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False'];
const KEYS = [
  ...['type', 'from', 'source', 'src', 'target', 'dst', 'destination', 'readonly', 'ro', 'readwrite', 'rw'],
  ...['required', 'size', 'id', 'sharing', 'mode', 'uid', 'gid', 'env'],
];

/** A `--mount` of RUN, expanded and checked as Docker does. */
export interface ResolvedMount {
  type: (typeof TYPES)[number];
  /** Stage, image or named context. */
  from?: string;
  source?: string;
  /** As written: may be empty or relative, and is joined to the working directory. */
  target?: string;
  readOnly: boolean;
  /** Of a cache, a secret or an SSH agent. */
  id?: string;
  sharing?: (typeof SHARING)[number];
  required: boolean;
  mode?: number;
  uid?: number;
  gid?: number;
  /** Bytes (tmpfs). */
  size?: number;
  /** The environment variable that gets a secret. */
  env?: string;
}

/**
 * Splits a `--mount` value into fields, each `key=value` or a key alone.
 * @throws JettisonError `MOUNT_INVALID`
 */
export function readMountFlag(value: Word, source: string): MountFlag {
  const fail = (message: string, hint: string) =>
    new JettisonError('MOUNT_INVALID', message, { hint, location: value.location, source });
  const fields = value.text === '' ? undefined : splitRecord(value.text);
  if (!fields)
    throw fail(`invalid --mount "${value.text}"`, 'Write for example type=cache,target=/root/.npm.');
  const options = fields.map((field) => {
    const equals = field.indexOf('=');
    if (equals < 0) return { key: field.toLowerCase() };
    const option = { text: field.slice(equals + 1), location: value.location };
    return { key: field.slice(0, equals).toLowerCase(), value: option };
  });
  const from = options.find((option) => option.key === 'from')?.value?.text ?? '';
  if (/\$./.test(from)) {
    throw fail(
      'The from of --mount cannot contain a variable',
      'Name a stage with FROM image AS name, and use that name.',
    );
  }
  return { options, location: value.location };
}

/**
 * Expands and checks a mount.
 * @throws JettisonError `MOUNT_INVALID`, or what `expand` throws
 */
export function resolveMount(
  { options, location }: MountFlag,
  lookup: Lookup,
  place: ExpandOptions = {},
): ResolvedMount {
  const mount: ResolvedMount = { type: 'bind', readOnly: true, required: false };
  const reader = new MountReader(mount, { ...place, location });
  for (const { key, value } of options) {
    if (value === undefined) reader.alone(key);
    else reader.set(key, expand(value.text, lookup, { ...place, location }).text);
  }
  reader.finish();
  return mount;
}

class MountReader {
  #accessGiven = false;

  constructor(
    private readonly mount: ResolvedMount,
    private readonly place: { location: Location; source?: string },
  ) {}

  /** A key without a value. */
  alone(key: string): void {
    if (key === 'readonly' || key === 'ro') this.#access(true);
    else if (key === 'readwrite' || key === 'rw') this.#access(false);
    else if (key === 'required') this.#required(true);
    else
      throw this.#fail(
        `"${key}" needs a value`,
        `Write ${key === '' ? 'key' : key}=value; fields are separated by commas without spaces.`,
      );
  }

  set(key: string, value: string): void {
    const { mount } = this;
    switch (key) {
      case 'type':
        mount.type = this.#oneOf(key, value, TYPES);
        break;
      case 'from':
        mount.from = value;
        break;
      case 'source':
      case 'src':
        mount.source = value;
        break;
      case 'target':
      case 'dst':
      case 'destination':
        mount.target = value;
        break;
      case 'readonly':
      case 'ro':
        this.#access(this.#boolean(key, value));
        break;
      case 'readwrite':
      case 'rw':
        this.#access(!this.#boolean(key, value));
        break;
      case 'required':
        this.#required(this.#boolean(key, value));
        break;
      case 'size':
        this.#only(key, ['tmpfs']);
        mount.size = this.#size(value);
        break;
      case 'id':
        mount.id = value;
        break;
      case 'sharing':
        mount.sharing = this.#oneOf(key, value, SHARING);
        break;
      case 'mode':
        mount.mode = this.#number(key, value, 8);
        break;
      case 'uid':
      case 'gid':
        mount[key] = this.#number(key, value, 10);
        break;
      case 'env':
        mount.env = value;
        break;
      default: {
        const meant = findDidYouMean(key, KEYS);
        throw this.#fail(
          `--mount has no "${key}"`,
          meant ? `Did you mean ${meant}?` : `It takes ${KEYS.join(', ')}.`,
        );
      }
    }
  }

  finish(): void {
    const { mount } = this;
    if (!this.#accessGiven) mount.readOnly = mount.type !== 'cache' && mount.type !== 'tmpfs';
    for (const key of ['mode', 'uid', 'gid'] as const) {
      if (mount[key] !== undefined) this.#only(key, ['secret', 'ssh', 'cache']);
    }
    if (mount.sharing !== undefined) this.#only('sharing', ['cache']);
    if (mount.type === 'secret') this.#checkSecret();
  }

  #checkSecret(): void {
    const { from, source, target, id } = this.mount;
    if (from) throw this.#fail('A secret mount has no "from"', 'Leave it out.');
    if (!source && !target && !id) {
      throw this.#fail('A secret needs an id', 'Write for example type=secret,id=npmrc,target=/root/.npmrc.');
    }
    if (source && id) throw this.#fail('A secret has either source or id: they mean the same', 'Keep id.');
  }

  #access(readOnly: boolean): void {
    this.mount.readOnly = readOnly;
    this.#accessGiven = true;
  }

  #required(required: boolean): void {
    this.#only('required', ['secret', 'ssh']);
    this.mount.required = required;
  }

  /** Docker reads the fields from left to right: `type` must come before the fields that depend on it. */
  #only(key: string, types: ResolvedMount['type'][]): void {
    if (types.includes(this.mount.type)) return;
    throw this.#fail(
      `A ${this.mount.type} mount has no "${key}"`,
      `Only ${types.join(' and ')} mounts have it. Write type before ${key}.`,
    );
  }

  #oneOf<T extends string>(key: string, value: string, choices: readonly T[]): T {
    const choice = choices.find((candidate) => candidate === value.toLowerCase());
    if (choice) return choice;
    const meant = findDidYouMean(value, choices);
    const hint = meant ? `Did you mean ${meant}?` : `It is one of ${choices.join(', ')}.`;
    throw this.#fail(`invalid ${key} "${value}" of a mount`, hint);
  }

  #boolean(key: string, value: string): boolean {
    if (TRUE.includes(value)) return true;
    if (FALSE.includes(value)) return false;
    throw this.#fail(`"${key}" is true or false, not "${value}"`, `Write ${key} or ${key}=false.`);
  }

  #number(key: string, value: string, base: 8 | 10): number {
    const number =
      /^[0-9]+$/.test(value) && (base === 10 || /^[0-7]+$/.test(value)) ? Number.parseInt(value, base) : -1;
    if (number >= 0 && number < 2 ** 32) return number;
    throw this.#fail(
      `invalid ${key} "${value}"`,
      base === 8 ? 'Write an octal number such as 0755.' : 'Write a number.',
    );
  }

  #size(value: string): number {
    const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(value);
    const bytes = match
      ? Math.trunc(Number(match[1]) * 1024 ** ' kmgtp'.indexOf(match[2]!.toLowerCase() || ' '))
      : -1;
    if (match && Number.isSafeInteger(bytes)) return bytes;
    throw this.#fail(`invalid size "${value}"`, 'Write a number of bytes, or one with a unit such as 64m.');
  }

  #fail(message: string, hint: string): JettisonError {
    const { location, source } = this.place;
    return new JettisonError('MOUNT_INVALID', message, {
      hint,
      location,
      ...(source !== undefined && { source }),
    });
  }
}
