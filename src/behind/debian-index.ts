import { hex, sha256 } from '../image/digest.ts';
import { paragraphs } from '../inspect/catalogues/paragraphs.ts';
import { decompress } from '../layer/decompress.ts';
import { ORDERS } from '../versions/orders.ts';
import { type FetchFile, invalidIndex, keepNewest, type PackageIndex } from './package-index.ts';
import type { PackageSource } from './package-sources.ts';
import { checkInRelease } from './signature.ts';

/** As apt has it for releases that name no place of changelogs, such as Debian's security updates; by origin. */
const CHANGELOGS: Record<string, string> = {
  Debian: 'https://metadata.ftp-master.debian.org/changelogs/@CHANGEPATH@_changelog',
  Ubuntu: 'https://changelogs.ubuntu.com/changelogs/pool/@CHANGEPATH@/changelog',
};
/** In bytes. */
const LARGEST_PARAGRAPH = 1 << 20;
/** Names of an index, the one that Node unpacks itself first. */
const FORMS = ['.gz', '.xz', ''];

/**
 * Reads what a suite of Debian or Ubuntu offers: its InRelease file, whose signature is checked, and the Packages file of
 * each component, which has the SHA-256 that InRelease names.
 *
 * @param wanted names of packages, with their architecture where it is another: all others are left out
 * @returns undefined where there is no such suite, or where packages of it are only installed on request
 * @throws JettisonError `INDEX_INVALID` where a signature or a digest is wrong
 */
export async function debianIndex(
  source: PackageSource,
  options: {
    architecture: string;
    wanted: ReadonlySet<string>;
    keyrings: readonly Buffer[];
    fetch: FetchFile;
  },
): Promise<PackageIndex | undefined> {
  const { architecture, wanted, keyrings, fetch } = options;
  const isFlat = source.suite.endsWith('/');
  const root = isFlat ? `${source.uri}/${source.suite}` : `${source.uri}/dists/${source.suite}/`;
  const signed = await fetch(`${root}InRelease`);
  if (signed === undefined) return undefined;
  const signature = checkInRelease(signed, keyrings);
  if (signature === 'bad') throw invalidIndex(`${root}InRelease`, 'its signature is wrong');
  const text = signedText(signed.toString());
  const [release] = paragraphs(text);
  if (release === undefined) throw invalidIndex(`${root}InRelease`, 'it says nothing');
  // Backports: apt takes nothing of them by itself.
  if (release.get('notautomatic') === 'yes') return undefined;
  const digests = sha256Of(text);
  const packages: PackageIndex['packages'] = new Map();
  for (const component of isFlat ? [''] : source.components) {
    const folder = isFlat ? '' : `${component}/binary-${architecture}/`;
    const form = FORMS.find((end) => digests.has(`${folder}Packages${end}`));
    if (form === undefined) continue;
    const name = `${folder}Packages${form}`;
    const content = await fetch(`${root}${name}`);
    if (content === undefined) throw invalidIndex(`${root}${name}`, 'it is missing');
    if (hex(sha256(content)) !== digests.get(name))
      throw invalidIndex(`${root}${name}`, `its SHA-256 is not the one in InRelease`);
    for await (const fields of stanzas(content, `${root}${name}`)) {
      const [own = '', version] = [fields.get('package'), fields.get('version')];
      if (version === undefined || !wanted.has(own)) continue;
      const [, from = own, its = version] = /^(\S+)(?: \((.+)\))?/.exec(fields.get('source') ?? '') ?? [];
      const changePath = changePathOf(component, from, its);
      keepNewest(packages, own, { version, source: from, changePath }, ORDERS.deb);
    }
  }
  const date = Date.parse(release.get('date') ?? '');
  const changelogs = release.get('changelogs') ?? CHANGELOGS[release.get('origin') ?? ''];
  return {
    ...{ source, signature, packages },
    ...(!Number.isNaN(date) && { date: new Date(date).toISOString() }),
    ...(changelogs?.startsWith('http') && { changelogs }),
  };
}

/** As in the pool: libraries are in folders of four letters, and epochs are left out. */
function changePathOf(component: string, source: string, version: string): string {
  const folder = source.startsWith('lib') ? source.slice(0, 4) : source.slice(0, 1);
  return `${component}/${folder}/${source}/${source}_${version.replace(/^\d+:/, '')}`;
}

/** What the signature is about: what stands outside of it is nobody's word. */
function signedText(text: string): string {
  const [, body] =
    /^-----BEGIN PGP SIGNED MESSAGE-----\r?\n(?:\S.*\r?\n)*\r?\n([\s\S]*?)\r?\n-----BEGIN PGP SIGNATURE-----/.exec(
      text,
    ) ?? [];
  return (body ?? '').replace(/^- /gm, '');
}

/** The list after `SHA256:`, by path. */
function sha256Of(text: string): Map<string, string> {
  const [, list = ''] = /^SHA256:\s*\n((?: .*\n?)*)/m.exec(text) ?? [];
  return new Map(
    list.split('\n').flatMap((line) => {
      const [digest, , path] = line.trim().split(/\s+/);
      return digest !== undefined && path !== undefined && /^[0-9a-f]{64}$/.test(digest)
        ? [[path, digest]]
        : [];
    }),
  );
}

/** The paragraphs of a Packages file, which is never whole in memory. */
async function* stanzas(packed: Buffer, url: string): AsyncGenerator<Map<string, string>> {
  async function* once() {
    yield packed;
  }
  let rest = '';
  for await (const chunk of decompress(once())) {
    const text = rest + chunk.toString('latin1');
    const end = text.lastIndexOf('\n\n');
    rest = end < 0 ? text : text.slice(end);
    if (rest.length > LARGEST_PARAGRAPH) throw invalidIndex(url, 'a paragraph of it does not end');
    if (end >= 0) yield* paragraphs(text.slice(0, end));
  }
  yield* paragraphs(rest);
}
