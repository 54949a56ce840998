import { resolve } from 'node:path';
import { type Annotations, COMPRESSIONS, type ImageForm, type Output } from '../../export/output.ts';
import { canonicalName } from '../../image/reference.ts';
import type { Io } from '../command.ts';
import { usageError } from '../usage.ts';
import { booleanOf, fieldsOf } from './csv.ts';

/** One `--output`, its parts taken apart and checked. */
export interface OutputFlag {
  type: 'image' | 'oci' | 'docker' | 'tar' | 'local';
  /** A path as typed, or `-`. */
  dest?: string;
  names?: string[];
  form: ImageForm;
  push: boolean;
  pushByDigest: boolean;
  insecure: boolean;
  /** An archive rather than a folder. */
  tar: boolean;
}

/** What `type=` may be, and what each is here. */
const TYPES: Record<OutputFlag['type'] | 'registry', OutputFlag['type']> = {
  image: 'image',
  registry: 'image',
  oci: 'oci',
  docker: 'docker',
  tar: 'tar',
  local: 'local',
};
const IMAGE_TYPES: ReadonlySet<OutputFlag['type']> = new Set(['image', 'oci', 'docker']);
const LEVELS = { gzip: [0, 9], zstd: [1, 22], uncompressed: [0, 0] } as const;
const ANNOTATION = /^annotation(?:-(manifest|index|manifest-descriptor))?\.(.+)$/;
const ANNOTATION_KINDS = {
  manifest: 'manifest',
  index: 'index',
  'manifest-descriptor': 'manifestDescriptor',
} as const;

/**
 * Reads a value of `--output`: `type=TYPE,key=value,…`, or a folder, or `-` for a tar on standard output.
 *
 * @throws JettisonError with exit code 2
 */
export function parseOutput(text: string): OutputFlag {
  const flag: OutputFlag = {
    type: 'image',
    form: {},
    push: false,
    pushByDigest: false,
    insecure: false,
    tar: true,
  };
  if (!text.includes('=')) {
    if (text === '') throw usageError('--output is empty', 'Give a folder, or type=TYPE.');
    return { ...flag, type: text === '-' ? 'tar' : 'local', dest: text };
  }
  const fields = new Map(fieldsOf(text, '--output'));
  const type = fields.get('type');
  if (type === undefined || !isType(type)) {
    const what = type === undefined ? `the output "${text}" has no type` : `unknown output type "${type}"`;
    throw usageError(what, `The types are ${Object.keys(TYPES).join(', ')}.`);
  }
  fields.delete('type');
  flag.type = TYPES[type];
  flag.push = type === 'registry';
  for (const [key, value] of fields) setPart(flag, key, value);
  checkLevel(flag.form);
  checkDestination(flag);
  return flag;
}

function isType(text: string): text is keyof typeof TYPES {
  return Object.hasOwn(TYPES, text);
}

/** The outputs of a build by all of its flags that have to do with them. */
export function outputFlags(values: {
  output?: string[] | undefined;
  push?: boolean | undefined;
  load?: boolean | undefined;
  annotation?: string[] | undefined;
  'registry-insecure'?: boolean | undefined;
}): OutputFlag[] {
  const outputs = (values.output ?? []).map(parseOutput);
  if (values.push) {
    const image = outputs.find(({ type }) => type === 'image');
    if (image !== undefined) image.push = true;
    else outputs.push(parseOutput('type=registry'));
  }
  // What is built to be loaded is kept, too: it costs nothing.
  if (values.load && outputs.length === 0) outputs.push(parseOutput('type=image'));
  if (values.load && !outputs.some(({ type, dest }) => type === 'docker' && dest === undefined)) {
    outputs.push(parseOutput('type=docker'));
  }
  if (outputs.filter(({ dest }) => dest === '-').length > 1) {
    throw usageError('only one output can go to standard output', 'Give the others a dest=FILE.');
  }
  for (const text of values.annotation ?? []) {
    if (outputs.length === 0) outputs.push(parseOutput('type=image'));
    for (const output of outputs) if (IMAGE_TYPES.has(output.type)) annotate(output.form, text);
  }
  if (values['registry-insecure']) for (const output of outputs) output.insecure = true;
  return outputs;
}

/** What the library takes for it. @throws JettisonError with exit code 2 for an archive that a terminal would get */
export function outputOf(flag: OutputFlag, io: Pick<Io, 'cwd' | 'stdout'>): Output {
  const { type, dest, form, push, pushByDigest, insecure } = flag;
  const image = { form, ...(flag.names === undefined ? {} : { names: flag.names }) };
  if (dest === '-' && io.stdout.isTTY === true) {
    throw usageError('an archive is not for a terminal', 'Redirect the output, or write to dest=FILE.');
  }
  const to = dest === '-' ? { stream: io.stdout } : { path: resolve(io.cwd, dest ?? '') };
  switch (type) {
    case 'image':
      return { type, push, pushByDigest, insecure, ...image };
    case 'docker':
      if (dest === undefined) return { type: 'engine', ...image };
      return { type: 'archive', format: 'docker-archive', to, ...image };
    case 'oci':
      if (!flag.tar) return { type: 'layout', path: resolve(io.cwd, dest!), ...image };
      return { type: 'archive', format: 'oci-archive', to, ...image };
    case 'tar':
      return { type, to };
    case 'local':
      return { type, path: resolve(io.cwd, dest!) };
  }
}

function setPart(flag: OutputFlag, key: string, value: string): void {
  if (key === 'dest') {
    if (value === '') throw usageError('dest= is empty', 'Name a file or a folder.');
    flag.dest = value;
    return;
  }
  if (!IMAGE_TYPES.has(flag.type)) throw unknownPart(flag, key);
  const annotation = ANNOTATION.exec(key);
  if (annotation !== null) {
    const kind = ANNOTATION_KINDS[(annotation[1] ?? 'manifest') as keyof typeof ANNOTATION_KINDS];
    setAnnotation(flag.form, kind, annotation[2]!, value);
    return;
  }
  switch (key) {
    case 'name':
      flag.names = value === '' ? [] : value.split(',').map((name) => canonicalName(name));
      return;
    case 'compression': {
      const type = COMPRESSIONS.find((one) => one === value);
      if (type === undefined)
        throw usageError(`there is no compression "${value}"`, `There are ${COMPRESSIONS.join(', ')}.`);
      flag.form.compression = { ...flag.form.compression, type };
      return;
    }
    case 'compression-level':
      if (!/^\d{1,2}$/.test(value)) throw usageError(`"${value}" is no compression level`, 'It is a number.');
      flag.form.compression = { type: flag.form.compression?.type ?? 'gzip', level: Number(value) };
      return;
    case 'force-compression':
      flag.form.forceCompression = booleanOf(value, key);
      return;
    case 'rewrite-timestamp':
      flag.form.rewriteTimestamp = booleanOf(value, key);
      return;
    case 'oci-mediatypes':
      if (!booleanOf(value, key)) throw usageError('images are OCI images here', 'Leave out oci-mediatypes.');
      return;
  }
  if (flag.type === 'image' && key === 'push') flag.push = booleanOf(value, key);
  else if (flag.type === 'image' && key === 'push-by-digest') {
    flag.pushByDigest = booleanOf(value, key);
    if (flag.pushByDigest) flag.push = true;
  } else if (flag.type === 'image' && key === 'registry.insecure') flag.insecure = booleanOf(value, key);
  else if (flag.type === 'oci' && key === 'tar') flag.tar = booleanOf(value, key);
  else throw unknownPart(flag, key);
}

function checkLevel({ compression }: ImageForm): void {
  if (compression?.level === undefined) return;
  const [least, most] = LEVELS[compression.type];
  if (compression.level >= least && compression.level <= most) return;
  throw usageError(
    `${compression.type} has no level ${compression.level}`,
    compression.type === 'uncompressed' ? 'Leave it out.' : `Its levels are ${least} to ${most}.`,
  );
}

function checkDestination({ type, dest, tar, pushByDigest, names }: OutputFlag): void {
  if (type === 'image') {
    if (dest !== undefined) throw usageError('type=image has no dest', 'Archives are type=oci and docker.');
    if (pushByDigest && names === undefined)
      throw usageError('push-by-digest=true needs a name', 'Add name=REGISTRY/REPOSITORY.');
  } else if (type === 'oci' && !tar && (dest === undefined || dest === '-')) {
    throw usageError('type=oci,tar=false needs a folder', 'Add dest=FOLDER.');
  } else if ((type === 'oci' || type === 'tar' || type === 'local') && dest === undefined) {
    throw usageError(`type=${type} needs a dest`, 'Add dest=PATH, or dest=- for standard output.');
  } else if (type === 'local' && dest === '-') {
    throw usageError('a folder cannot go to standard output', 'Use type=tar.');
  }
}

/** `[manifest:|index:|manifest-descriptor:]KEY=VALUE`; kinds may be joined by commas. */
function annotate(form: ImageForm, text: string): void {
  const match = /^(?:([a-z,-]+):)?([^=]+)=(.*)$/s.exec(text);
  if (match === null) {
    throw usageError(`"${text}" is no annotation`, 'Write --annotation [manifest:|index:]KEY=VALUE.');
  }
  for (const name of (match[1] ?? 'manifest').split(',')) {
    const kind = Object.entries(ANNOTATION_KINDS).find(([known]) => known === name)?.[1];
    if (kind === undefined)
      throw usageError(
        `"${name}" cannot be annotated`,
        `There are ${Object.keys(ANNOTATION_KINDS).join(', ')}.`,
      );
    setAnnotation(form, kind, match[2]!, match[3]!);
  }
}

function setAnnotation(form: ImageForm, kind: keyof Annotations, key: string, value: string): void {
  form.annotations = { ...form.annotations, [kind]: { ...form.annotations?.[kind], [key]: value } };
}

function unknownPart({ type, push }: OutputFlag, key: string) {
  return usageError(
    `type=${type === 'image' && push ? 'registry' : type} has no "${key}"`,
    'See docs/output.md for what it has.',
  );
}
