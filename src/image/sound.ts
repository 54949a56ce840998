import { JettisonError } from '../errors/error.ts';
import { limit, limitExceeded } from '../errors/limits.ts';
import { isObject } from '../fields/json-values.ts';
import { isDigest } from './digest.ts';
import { hostPlatform } from './platform.ts';
import type { Descriptor, ImageConfig, Index, Manifest } from './types.ts';

/**
 * Reads and checks the JSON documents of images, so that every document has the shape of its type. As in Docker,
 * unknown and missing members are accepted, and null counts as missing. A value of another type is an error that names
 * the member.
 */

/**
 * Parses JSON.
 *
 * @param what the document, for messages, e.g. `the config of node:20`
 * @throws JettisonError `IMAGE_INVALID` for invalid JSON, or for one that is nested too deeply
 */
export function parseDocument(bytes: Uint8Array, what: string): unknown {
  const deepest = limit('json-depth');
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > deepest) throw limitExceeded('json-depth', what, 'IMAGE_INVALID');
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch (cause) {
    throw invalid(what, 'it is not JSON', cause);
  }
}

/** An image manifest. @throws JettisonError `IMAGE_INVALID` */
export function readManifest(bytes: Uint8Array, what: string): Manifest {
  return document(parseDocument(bytes, what), MANIFEST, what) as unknown as Manifest;
}

/** An image index. @throws JettisonError `IMAGE_INVALID` */
export function readIndex(bytes: Uint8Array, what: string): Index {
  return document(parseDocument(bytes, what), INDEX, what) as unknown as Index;
}

/** An image config. A missing operating system or architecture is this machine's. @throws JettisonError `IMAGE_INVALID` */
export function readConfig(bytes: Uint8Array, what: string): ImageConfig {
  const config = document(parseDocument(bytes, what), CONFIG, what) as unknown as ImageConfig;
  const host = hostPlatform();
  config.os ||= host.os;
  config.architecture ||= host.architecture;
  return config;
}

/** The version in an `oci-layout` file; undefined without one. */
export function layoutVersion(marker: unknown): string | undefined {
  const version = isObject(marker) ? marker['imageLayoutVersion'] : undefined;
  return version === undefined || version === null ? undefined : String(version).slice(0, 40);
}

/** Whether Jettison reads this version of the image layout: 1.x. */
export function isKnownLayout(version: string): boolean {
  return /^1(?:\.\d+)*$/.test(version);
}

/** Checks a value, and returns it without members that are null. */
type Shape = (value: unknown, path: string, what: string) => unknown;

const string: Shape = (value, path, what) =>
  typeof value === 'string' ? value : wrong(what, path, 'a string', value);
const boolean: Shape = (value, path, what) =>
  typeof value === 'boolean' ? value : wrong(what, path, 'true or false', value);
/** A 64-bit integer. */
const integer: Shape = (value, path, what) =>
  typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 63
    ? value
    : wrong(what, path, 'a whole number', value);
const size: Shape = (value, path, what) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? value : wrong(what, path, 'a size in bytes', value);
const digest: Shape = (value, path, what) =>
  typeof value === 'string' && isDigest(value) ? value : wrong(what, path, 'a sha256 digest', value);
const time: Shape = (value, path, what) =>
  typeof value === 'string' && /^\d{4}-\d{2}-\d{2}T/.test(value) && !Number.isNaN(Date.parse(value))
    ? value
    : wrong(what, path, 'a time as 2006-01-02T15:04:05Z', value);
const anything: Shape = (value) => value;

const listOf =
  (each: Shape, whenNull?: unknown): Shape =>
  (value, path, what) =>
    Array.isArray(value)
      ? value.map((one, i) =>
          one === null && whenNull !== undefined ? whenNull : each(one, `${path}[${i}]`, what),
        )
      : wrong(what, path, 'a list', value);

const mapOf =
  (each: Shape, whenNull: unknown): Shape =>
  (value, path, what) =>
    isObject(value)
      ? Object.fromEntries(
          Object.entries(value).map(([key, one]) => [
            key,
            one === null ? whenNull : each(one, `${path}[${JSON.stringify(key)}]`, what),
          ]),
        )
      : wrong(what, path, 'an object', value);

/** An object with known members, some of them required. */
const objectOf =
  (members: Record<string, Shape>, required: readonly string[] = []): Shape =>
  (value, path, what) => {
    if (!isObject(value)) return wrong(what, path, 'an object', value);
    const at = (name: string) => (path === '' ? name : `${path}.${name}`);
    const known = Object.entries(value).flatMap(([name, member]): [string, unknown][] => {
      if (member === null) return [];
      const shape = Object.hasOwn(members, name) ? members[name] : undefined;
      return [[name, shape === undefined ? member : shape(member, at(name), what)]];
    });
    const object = Object.fromEntries(known);
    for (const name of required) {
      if (!Object.hasOwn(object, name)) throw invalid(what, `it has no ${at(name)}`);
    }
    return object;
  };

const strings = listOf(string, '');
const PLATFORM = {
  os: string,
  architecture: string,
  variant: string,
  'os.version': string,
  'os.features': strings,
};
const annotations = mapOf(string, '');
const described = objectOf(
  {
    mediaType: string,
    digest,
    size,
    annotations,
    platform: objectOf(PLATFORM),
    data: string,
  } satisfies Members<Descriptor>,
  ['digest', 'size'],
);
/** A missing media type becomes an unknown one. */
const descriptor: Shape = (value, path, what) => ({
  mediaType: '',
  ...(described(value, path, what) as object),
});
const MANIFEST = objectOf(
  {
    schemaVersion: integer,
    mediaType: string,
    artifactType: string,
    config: descriptor,
    layers: listOf(descriptor),
    subject: descriptor,
    annotations,
  } satisfies Members<Manifest>,
  ['config', 'layers'],
);
const INDEX = objectOf(
  {
    schemaVersion: integer,
    mediaType: string,
    manifests: listOf(descriptor),
    annotations,
  } satisfies Members<Index>,
  ['manifests'],
);
const set = mapOf(objectOf({}), {});
const CONFIG = objectOf(
  {
    ...PLATFORM,
    created: time,
    author: string,
    rootfs: objectOf({ type: anything as Shape, diff_ids: listOf(digest) }, ['diff_ids']),
    history: listOf(
      objectOf({
        created: time,
        created_by: string,
        comment: string,
        author: string,
        empty_layer: boolean,
      }),
      {},
    ),
    config: objectOf({
      User: string,
      ExposedPorts: set,
      Env: strings,
      Entrypoint: strings,
      Cmd: strings,
      Volumes: set,
      WorkingDir: string,
      Labels: mapOf(string, ''),
      StopSignal: string,
      Shell: strings,
      OnBuild: strings,
      ArgsEscaped: boolean,
      Healthcheck: objectOf({
        Test: strings,
        Interval: integer,
        Timeout: integer,
        StartPeriod: integer,
        StartInterval: integer,
        Retries: integer,
      }),
    } satisfies Members<NonNullable<ImageConfig['config']>>),
  } satisfies Members<ImageConfig>,
  ['rootfs'],
);

type Members<T> = { [name in keyof Required<T>]: Shape };

function document(value: unknown, shape: Shape, what: string): object {
  return shape(value, '', what) as object;
}

function wrong(what: string, path: string, wanted: string, value: unknown): never {
  const is = JSON.stringify(value) ?? 'missing';
  const shown = is.length > 60 ? `${is.slice(0, 60)}…` : is;
  throw invalid(what, path === '' ? `it is not ${wanted}` : `${path} is not ${wanted} but ${shown}`);
}

function invalid(what: string, reason: string, cause?: unknown): JettisonError {
  return new JettisonError('IMAGE_INVALID', `${what} is not valid: ${reason}`, {
    hint: 'The image is damaged or of an unknown kind: build, pull or save it again with a current tool.',
    ...(cause === undefined ? {} : { cause }),
  });
}
