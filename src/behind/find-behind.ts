import { JettisonError } from '../errors/error.ts';
import { readContent } from '../explore/read-content.ts';
import type { Inspection } from '../inspect/inspection.ts';
import type { Package } from '../inspect/package.ts';
import { parallel } from '../registry/parallel.ts';
import { type PlacedPackage, placedPackages } from '../scan/owned.ts';
import { ORDERS } from '../versions/orders.ts';
import { alpineIndex } from './alpine-index.ts';
import { cvesBetween } from './changelog.ts';
import { debianIndex } from './debian-index.ts';
import type { FetchFile, Offered, PackageIndex } from './package-index.ts';
import { isSourcesFile, type PackageSource, readSources } from './package-sources.ts';

/** Packages of one source package that are older than what the image's own sources offer. */
export interface BehindPackage {
  source: string;
  packages: Package[];
  installed: string;
  offered: string;
  /** Named by the changelog between the two versions; undefined where it could not be had. */
  cves?: string[];
  isBase: boolean;
  instruction: PlacedPackage['instruction'];
}

export interface Behind {
  indexes: PackageIndex[];
  behind: BehindPackage[];
  /** How many packages their sources offer. */
  compared: number;
  /** Packages of the distribution that no source offers. */
  unknown: Package[];
}

/** In bytes. Files of sources and keys are smaller. */
const LARGEST = 16 << 20;
/** Changelogs that are fetched for an image. */
const MOST_CHANGELOGS = 60;
const ARCHITECTURES: Record<string, { deb: string; apk: string }> = {
  amd64: { deb: 'amd64', apk: 'x86_64' },
  arm64: { deb: 'arm64', apk: 'aarch64' },
  arm: { deb: 'armhf', apk: 'armv7' },
  '386': { deb: 'i386', apk: 'x86' },
  ppc64le: { deb: 'ppc64el', apk: 'ppc64le' },
  riscv64: { deb: 'riscv64', apk: 'riscv64' },
  s390x: { deb: 's390x', apk: 's390x' },
};

/**
 * Compares the distribution's packages with what the sources of the image itself (`/etc/apt`, `/etc/apk/repositories`)
 * offer now, by the keys that the image has.
 *
 * @throws JettisonError `SOURCES_MISSING` where the image names none, `INDEX_INVALID` where one is not signed as it should be
 */
export async function findBehind(
  inspection: Inspection,
  { fetch, signal }: { fetch: FetchFile; signal: AbortSignal },
): Promise<Behind> {
  const { census, image } = inspection;
  const all = placedPackages(inspection).filter(({ package: { type } }) => type === 'deb' || type === 'apk');
  const contents = new Map<string, Promise<Buffer | undefined>>();
  const file = (path: string) => {
    const content = contents.get(path) ?? contentOf(inspection, path, signal);
    contents.set(path, content);
    return content;
  };
  const paths = [...census.leaves.keys()];
  const sources: PackageSource[] = [];
  for (const path of paths.filter(isSourcesFile).sort()) {
    sources.push(...readSources(path, (await file(path))?.toString() ?? ''));
  }
  if (all.length === 0 || sources.length === 0) {
    const reason =
      all.length === 0 ? 'has no packages of Debian, Ubuntu or Alpine' : 'names no package sources';
    throw new JettisonError('SOURCES_MISSING', `${image.label} ${reason}`, {
      hint: 'Sources are in /etc/apt/sources.list, /etc/apt/sources.list.d and /etc/apk/repositories of an image.',
    });
  }
  const wanted = new Set(all.map(({ package: { name } }) => name));
  const names = ARCHITECTURES[image.config.architecture];
  const keyring = async (paths: readonly string[]) => {
    const found: [string, Buffer][] = [];
    for (const path of paths) {
      const content = await file(path);
      if (content !== undefined) found.push([path.slice(path.lastIndexOf('/') + 1), content]);
    }
    return new Map(found);
  };
  const trusted = paths.filter((path) => /^etc\/apt\/trusted\.gpg(\.d\/[^/]+\.(gpg|asc))?$/.test(path));
  const indexes: PackageIndex[] = [];
  for (const source of sources) {
    const index =
      source.type === 'deb'
        ? await debianIndex(source, {
            ...{ architecture: names?.deb ?? image.config.architecture, wanted, fetch },
            keyrings: [...(await keyring(source.signedBy ? [source.signedBy] : trusted)).values()],
          })
        : await alpineIndex(source, {
            ...{ architecture: names?.apk ?? image.config.architecture, wanted, fetch },
            keys: await keyring(paths.filter((path) => /^etc\/apk\/keys\/[^/]+$/.test(path))),
          });
    if (index !== undefined) indexes.push(index);
  }
  return { indexes, ...(await compare(all, indexes, fetch)) };
}

async function compare(
  all: readonly PlacedPackage[],
  indexes: readonly PackageIndex[],
  fetch: FetchFile,
): Promise<Omit<Behind, 'indexes'>> {
  const groups = new Map<string, BehindPackage & { best: Offered; changelogs: string | undefined }>();
  const unknown: Package[] = [];
  for (const { package: one, isBase, instruction } of all) {
    const order = ORDERS[one.type as 'deb' | 'apk'];
    const [best] = indexes
      .filter(({ source: { type } }) => type === one.type)
      .flatMap(({ packages, changelogs }) => {
        const offered = packages.get(one.name);
        return offered === undefined ? [] : [{ offered, changelogs }];
      })
      .sort((a, b) => order.compare(b.offered.version, a.offered.version));
    if (best === undefined || !order.isVersion(one.version)) {
      unknown.push(one);
      continue;
    }
    if (order.compare(best.offered.version, one.version) <= 0) continue;
    const { offered, changelogs } = best;
    const key = [offered.source, one.version, offered.version, isBase].join('\0');
    const known = groups.get(key);
    if (known !== undefined) known.packages.push(one);
    else {
      groups.set(key, {
        ...{ source: offered.source, packages: [one], installed: one.version, offered: offered.version },
        ...{ isBase, instruction, best: offered, changelogs },
      });
    }
  }
  await parallel([...groups.values()].slice(0, MOST_CHANGELOGS), 4, async (group) => {
    const { best, changelogs, packages, installed, offered } = group;
    if (changelogs === undefined || best.changePath === undefined) return;
    const text = await ifHad(fetch(changelogs.replaceAll('@CHANGEPATH@', best.changePath)));
    if (text !== undefined)
      group.cves = cvesBetween(text.toString(), sourceVersion(packages[0]!, installed), offered, ORDERS.deb);
  });
  const behind = [...groups.values()].map(({ best: _, changelogs: __, ...rest }) => rest);
  behind.sort((a, b) => (b.cves?.length ?? 0) - (a.cves?.length ?? 0) || (a.source < b.source ? -1 : 1));
  return { behind, compared: all.length - unknown.length, unknown };
}

/** Changelogs have the versions of source packages. */
function sourceVersion({ source }: Package, installed: string): string {
  return source?.version ?? installed;
}

async function ifHad(asked: Promise<Buffer | undefined>): Promise<Buffer | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof JettisonError) return undefined;
    throw error;
  }
}

/** A file of the image; undefined where there is none. */
async function contentOf(
  { census, image }: Inspection,
  path: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const found = census.leaf(path)?.content;
  const layer = found && image.layers[found.layer];
  if (found === undefined || layer === undefined || found.size > LARGEST) return undefined;
  const chunks: Buffer[] = [];
  await readContent(
    layer,
    found,
    {
      restart: () => chunks.splice(0),
      write: (chunk) => chunks.push(Buffer.from(chunk)),
    },
    { signal },
  );
  return Buffer.concat(chunks);
}
