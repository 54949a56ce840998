import type { DescribedPackage } from '../../inspect/describe.ts';
import type { File, ImageModel } from './model.ts';

export type Status = 'same' | 'added' | 'changed' | 'removed';

export interface FileChange {
  status: Exclude<Status, 'same'>;
  before: File | undefined;
  after: File | undefined;
  path: string;
  /** What it adds to the image's size; negative where it takes away. */
  growth: number;
}

export interface PackageChange {
  status: Exclude<Status, 'same'>;
  name: string;
  type: string;
  before: string[];
  after: string[];
  growth: number;
}

/** The files that differ, those with most bytes first, and the status of every file of both images. */
export function compareFiles(before: ImageModel, after: ImageModel) {
  const statuses = new Map<File, Status>();
  const changes: FileChange[] = [];
  const old = new Map(before.files.map((file) => [file.path, file]));
  for (const file of after.files) {
    const was = old.get(file.path);
    old.delete(file.path);
    const isSame =
      was !== undefined && was.content === file.content && (was.bytes === file.bytes || isLink(file, was));
    if (isSame) {
      statuses.set(file, 'same').set(was, 'same');
      continue;
    }
    const status = was === undefined ? 'added' : 'changed';
    statuses.set(file, status);
    if (was !== undefined) statuses.set(was, status);
    const growth = file.bytes - (was?.bytes ?? 0);
    changes.push({ status, before: was, after: file, path: file.path, growth });
  }
  for (const file of old.values()) {
    statuses.set(file, 'removed');
    changes.push({ status: 'removed', before: file, after: undefined, path: file.path, growth: -file.bytes });
  }
  changes.sort((a, b) => weight(b) - weight(a) || (a.path < b.path ? -1 : 1));
  return { statuses, changes };
}

/** Bytes are counted under one name of a file: which one may differ where the content does not. */
function isLink(a: File, b: File): boolean {
  return a.bytes === 0 || b.bytes === 0;
}

function weight({ before, after }: FileChange): number {
  return (before?.bytes ?? 0) + (after?.bytes ?? 0);
}

/** The packages that differ in versions, by type and name. */
export function comparePackages(before: ImageModel, after: ImageModel): PackageChange[] {
  const all = new Map<string, [DescribedPackage[], DescribedPackage[]]>();
  for (const [side, { packages }] of [before, after].entries()) {
    for (const one of packages) {
      const key = `${one.type}:${one.name}`;
      const both = all.get(key) ?? [[], []];
      both[side]!.push(one);
      all.set(key, both);
    }
  }
  const changes: PackageChange[] = [];
  for (const [was, is] of all.values()) {
    const versions = [was, is].map((of) => [...new Set(of.map(({ version }) => version))].sort());
    const [old, now] = versions as [string[], string[]];
    if (old.join('\n') === now.join('\n')) continue;
    const { name, type } = (is[0] ?? was[0])!;
    const status = was.length === 0 ? 'added' : is.length === 0 ? 'removed' : 'changed';
    changes.push({ status, name, type, before: old, after: now, growth: bytesIn(is) - bytesIn(was) });
  }
  return changes.sort((a, b) => Math.abs(b.growth) - Math.abs(a.growth) || (a.name < b.name ? -1 : 1));
}

function bytesIn(packages: readonly DescribedPackage[]): number {
  return packages.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Bytes that somebody who has one image downloads for the other one. */
export function pullCost(before: ImageModel, after: ImageModel): number {
  const present = new Set(before.data.layers.map(({ digest }) => digest));
  const missing = after.data.layers.filter(({ digest }) => !present.has(digest));
  return missing.reduce((sum, { packed }) => sum + packed, 0);
}
