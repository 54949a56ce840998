import { gunzipSync, inflateRawSync } from 'node:zlib';
import { TarReader } from '../layer/tar-read.ts';
import { ORDERS } from '../versions/orders.ts';
import { type FetchFile, invalidIndex, keepNewest, type PackageIndex } from './package-index.ts';
import type { PackageSource } from './package-sources.ts';
import { checkApkIndex } from './signature.ts';

/** An index unpacked is larger than this in no release. */
const LARGEST = 128 << 20;

/**
 * Reads what a repository of Alpine offers: APKINDEX.tar.gz, whose first gzip member holds the signature of the rest.
 *
 * @throws JettisonError `INDEX_INVALID` where the signature is wrong, or it is not an index
 */
export async function alpineIndex(
  source: PackageSource,
  options: {
    architecture: string;
    wanted: ReadonlySet<string>;
    keys: ReadonlyMap<string, Buffer>;
    fetch: FetchFile;
  },
): Promise<PackageIndex | undefined> {
  const url = `${source.uri}/${options.architecture}/APKINDEX.tar.gz`;
  const packed = await options.fetch(url);
  if (packed === undefined) return undefined;
  const invalid = (reason: string) => invalidIndex(url, reason);
  let members: Map<string, Buffer>;
  let signed: Map<string, Buffer>;
  let rest: Buffer;
  try {
    const first = memberLength(packed);
    rest = packed.subarray(first);
    signed = filesOf(gunzipSync(packed.subarray(0, first), { maxOutputLength: LARGEST }));
    members = rest.length === 0 ? signed : filesOf(gunzipSync(rest, { maxOutputLength: LARGEST }));
  } catch (error) {
    throw invalid((error as Error).message);
  }
  const [found] = [...signed].filter(([name]) => name.startsWith('.SIGN.'));
  const signature =
    found === undefined
      ? 'unchecked'
      : checkApkIndex(rest, { name: found[0], signature: found[1] }, options.keys);
  if (signature === 'bad') throw invalid('its signature is wrong');
  const index = members.get('APKINDEX');
  if (index === undefined) throw invalid('it holds no APKINDEX');
  const packages: PackageIndex['packages'] = new Map();
  for (const block of index.toString().split('\n\n')) {
    const field = (letter: string) => new RegExp(`^${letter}:(.*)$`, 'm').exec(block)?.[1];
    const [name = '', version] = [field('P'), field('V')];
    if (version === undefined || !options.wanted.has(name)) continue;
    keepNewest(packages, name, { version, source: field('o') ?? name }, ORDERS.apk);
  }
  return { source, signature, packages };
}

/** Bytes of the first member of a gzip file. */
function memberLength(packed: Buffer): number {
  const flags = packed[3] ?? 0;
  let at = 10;
  if (flags & 4) at += 2 + packed.readUInt16LE(at);
  for (const flag of [8, 16]) if (flags & flag) at = packed.indexOf(0, at) + 1;
  if (flags & 2) at += 2;
  const { engine } = inflateRawSync(packed.subarray(at), {
    info: true,
    maxOutputLength: LARGEST,
  }) as unknown as {
    engine: { bytesWritten: number };
  };
  return at + engine.bytesWritten + 8;
}

function filesOf(tar: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  let name = '';
  let chunks: Buffer[] = [];
  const reader = new TarReader({
    entry(header) {
      name = header.name;
      chunks = [];
    },
    data: (chunk) => chunks.push(Buffer.from(chunk)),
    end: () => files.set(name, Buffer.concat(chunks)),
  });
  reader.write(tar);
  return files;
}
