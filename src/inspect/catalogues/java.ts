import { nameOf } from '../../layer/entry.ts';
import type { Catalogue } from '../catalogue.ts';
import { bytes, part, type RandomAccess } from '../random-access.ts';
import { readZipMember, STORED, type ZipMember, zipContent, zipMembers } from '../zip.ts';

interface Artifact {
  group?: string;
  name: string;
  version: string;
  /** The archive inside the file; absent for the file itself. */
  inside?: string;
}

interface Fact {
  /** The file's own first. */
  artifacts: Artifact[];
}

const ARCHIVE = /\.(jar|war|ear|jmod)$/i;
const PROPERTIES = /^META-INF\/maven\/[^/]+\/[^/]+\/pom\.properties$/;
const SMALL = 1 << 20;
/** Depth of nested archives: an .ear has .wars with .jars. */
const DEEPEST = 3;
const MOST = 10_000;
/** Bytes that are unpacked of one file to look for archives in it. */
const UNPACKED_LIMIT = 512 << 20;

/** Java archives, also those inside others (Spring Boot): by Maven's `pom.properties`, else manifest, else name. */
export const java: Catalogue<Fact> = {
  id: 'java',

  wants: (path) => (ARCHIVE.test(path) ? 'random' : undefined),

  lookInto(path, file) {
    const artifacts: Artifact[] = [];
    collect(file, path, undefined, { artifacts, left: UNPACKED_LIMIT });
    return artifacts.length === 0 ? undefined : { artifacts };
  },

  own(census, facts) {
    for (const [path, { artifacts }] of facts) {
      const [first, ...inner] = artifacts.map((one) => ({ one, id: idOf(one, path) }));
      for (const { one, id } of [first!, ...inner]) {
        const { group, name, version, inside } = one;
        const purl = `${group === undefined ? '' : `${encodeURIComponent(group)}/`}${encodeURIComponent(name)}`;
        const entered = census.enter({
          ...{ id, type: 'maven', name: group === undefined ? name : `${group}:${name}`, version },
          ...{ kind: 'java', path: inside === undefined ? path : `${path}!/${inside}` },
          purl: `pkg:maven/${purl}${version === '' ? '' : `@${encodeURIComponent(version)}`}`,
          ...(id === first!.id ? { requires: inner.map((other) => other.id) } : { partOf: first!.id }),
        });
        if (id === first!.id) census.own(census.leaf(path), entered, 'java');
      }
    }
  },
};

function idOf({ group, name, version, inside }: Artifact, path: string): string {
  const at = inside === undefined ? path : `${path}!/${inside}`;
  return `maven:${group === undefined ? '' : `${group}:`}${name}@${version}:/${at}`;
}

function collect(
  file: RandomAccess,
  path: string,
  inside: string | undefined,
  to: { artifacts: Artifact[]; left: number },
): void {
  const members = zipMembers(file);
  if (members === undefined || to.artifacts.length >= MOST) return;
  const where = inside === undefined ? {} : { inside };
  const poms = members.filter(({ name, size }) => PROPERTIES.test(name) && size <= SMALL);
  const found = poms.flatMap((one) => pom(readZipMember(file, one)) ?? []);
  const own = ownFirst(found, nameOf(path)) ?? [described(file, members, nameOf(path))];
  to.artifacts.push(...own.map((one) => ({ ...one, ...where })));
  const depth = inside?.split('!/').length ?? 0;
  if (depth >= DEEPEST) return;
  for (const member of members) {
    if (!ARCHIVE.test(member.name)) continue;
    if (member.method !== STORED) to.left -= member.size;
    if (to.left < 0) return;
    const content = contentOf(file, member);
    if (content === undefined) continue;
    collect(content, member.name, inside === undefined ? member.name : `${inside}!/${member.name}`, to);
  }
}

/** Selects an archive's own description: it also has those of archives that were merged into it. Its name tells which. */
function ownFirst(found: readonly Artifact[], name: string): Artifact[] | undefined {
  if (found.length === 0) return undefined;
  const rank = (one: Artifact) => (name.startsWith(one.name) ? one.name.length : 0);
  return [...found].sort((a, b) => rank(b) - rank(a));
}

function contentOf(file: RandomAccess, member: ZipMember): RandomAccess | undefined {
  if (member.method !== STORED) {
    const content = readZipMember(file, member);
    return content === undefined ? undefined : bytes(content);
  }
  const at = zipContent(file, member);
  return at === undefined ? undefined : part(file, at.start, member.packed);
}

function pom(content: Buffer | undefined): Artifact | undefined {
  const value = (key: string) =>
    new RegExp(`^${key}\\s*[=:]\\s*(\\S+)`, 'm').exec(content?.toString('utf8') ?? '')?.[1];
  const [group, name, version] = [value('groupId'), value('artifactId'), value('version')];
  if (name === undefined || version === undefined) return undefined;
  return { name, version, ...(group !== undefined && { group }) };
}

/** The package by the manifest, else by the file's name: `commons-lang3-3.12.0.jar`. */
function described(file: RandomAccess, members: readonly ZipMember[], fileName: string): Artifact {
  const member = members.find(({ name, size }) => name === 'META-INF/MANIFEST.MF' && size <= SMALL);
  const manifest = member && readZipMember(file, member);
  // Lines are folded at 72 bytes.
  const text = manifest?.toString('utf8').replaceAll(/\r?\n /g, '') ?? '';
  const value = (key: string) => new RegExp(`^${key}:\\s*(.+?)\\s*$`, 'm').exec(text)?.[1];
  const bare = fileName.replace(ARCHIVE, '');
  const [, name = bare, version] = /^(.+?)-(\d[\w.+-]*)$/.exec(bare) ?? [];
  const group = value('Implementation-Vendor-Id');
  return {
    name,
    version:
      version ??
      value('Implementation-Version') ??
      value('Bundle-Version') ??
      value('Specification-Version') ??
      '',
    ...(group !== undefined && /^[\w.-]+$/.test(group) && { group }),
  };
}
