import { readFileSync } from 'node:fs';
import { type Behind, findBehind } from '../behind/find-behind.ts';
import { JettisonError } from '../errors/error.ts';
import type { Inspection } from '../inspect/inspection.ts';
import { Remotes } from '../remote/remotes.ts';
import type { Store } from '../store/store.ts';
import type { Io } from './command.ts';
import { printJson } from './print/list-output.ts';
import { behindText } from './print/scan/behind-text.ts';

/** In bytes. The largest index, that of all of Debian's main, has a fifth of this. */
const LARGEST = 256 << 20;

/** Flags of `scan` that choose or judge advisories: --behind looks none up. */
const ABOUT_ADVISORIES = ['compare', 'db', 'fail-on', 'ignore', 'ignore-unfixed', 'offline', 'vex'] as const;

/** The flags of `scan`, as far as --behind depends on them. */
type ScanFlags = { behind: boolean; mirror: readonly string[]; format: string | undefined } & Record<
  (typeof ABOUT_ADVISORIES)[number],
  unknown
>;

/** @throws JettisonError `FLAGS_CONFLICT`, `FLAG_NEEDS_BEHIND` */
export function checkBehindFlags(flags: ScanFlags): void {
  if (!flags.behind) {
    throw new JettisonError('FLAG_NEEDS_BEHIND', '--mirror works only with --behind', {
      hint: 'Add --behind. For advisories, --db names another registry.',
      exitCode: 2,
    });
  }
  const isSet = (value: unknown) => (Array.isArray(value) ? value.length > 0 : Boolean(value));
  const other = ABOUT_ADVISORIES.find((name) => isSet(flags[name]));
  const isTable = flags.format === undefined || flags.format === 'table' || flags.format === 'json';
  if (other === undefined && isTable) return;
  const conflict = other === undefined ? `--format ${flags.format}` : `--${other}`;
  throw new JettisonError('FLAGS_CONFLICT', `--behind cannot be combined with ${conflict}`, {
    hint: '--behind compares versions and looks up no advisories. It prints a table, or JSON with --json.',
    exitCode: 2,
  });
}

/**
 * Compares an image with its own sources of packages, and prints how far it is behind. Files that the store has are not
 * downloaded again while they are the same.
 *
 * @param mirrors `PREFIX=URL`: addresses that begin with the prefix are asked at the URL
 */
export async function reportBehind(
  inspection: Inspection,
  { store, mirrors, json }: { store: Store; mirrors: readonly string[]; json: boolean },
  io: Io,
): Promise<number> {
  const { env, signal } = io;
  const rewrites = mirrors.map(readMirror);
  const remotes = new Remotes({ layout: store.layout, env, signal, secrets: new Map() });
  const fetch = async (address: string): Promise<Buffer | undefined> => {
    const rewrite = rewrites.find(({ from }) => withoutScheme(address).startsWith(from));
    const url =
      rewrite === undefined ? address : `${rewrite.to}${withoutScheme(address).slice(rewrite.from.length)}`;
    try {
      const { path, size } = await remotes.download(url);
      if (size > LARGEST) throw new JettisonError('INDEX_INVALID', `${url} is too large for an index`);
      return readFileSync(path);
    } catch (error) {
      if (error instanceof JettisonError && error.details?.['status'] === 404) return undefined;
      throw error;
    }
  };
  try {
    const found = await findBehind(inspection, { fetch, signal });
    if (json) printJson(io, behindDocument(inspection, found));
    else io.stdout.write(behindText(inspection.image, found, io));
    return found.indexes.length === 0 ? 3 : 0;
  } finally {
    remotes.close();
  }
}

function behindDocument({ image }: Inspection, { behind, indexes, compared, unknown }: Behind): object {
  return {
    version: 1,
    image: { label: image.label, digest: image.descriptor.digest, id: image.id },
    compared,
    behind: behind.map(({ packages, instruction, ...rest }) => ({
      ...rest,
      packages: packages.map(({ name }) => name),
      ...(instruction?.location && {
        instruction: { file: instruction.location.file, line: instruction.location.line },
      }),
    })),
    sources: indexes.map(({ source: { uri, suite }, date, signature }) => ({ uri, suite, date, signature })),
    unknown: unknown.map(({ name, version }) => ({ name, version })),
  };
}

/** @throws JettisonError `MIRROR_INVALID` */
function readMirror(text: string): { from: string; to: string } {
  const [, from, to] = /^([^=]+)=(https?:\/\/.+)$/.exec(text) ?? [];
  if (from !== undefined && to !== undefined && URL.canParse(to)) return { from: withoutScheme(from), to };
  throw new JettisonError('MIRROR_INVALID', `invalid --mirror "${text}"`, {
    hint: 'Write the beginning of the address and its replacement: debian.example.com=https://mirror.example.com.',
    exitCode: 2,
  });
}

function withoutScheme(address: string): string {
  return address.replace(/^https?:\/\//, '');
}
