import type { Entry } from './entry.ts';

/** Whether two files (or directories …) agree in content, owner, mode, attributes and times. */
function sameMetadata(a: Entry, b: Entry): boolean {
  return (
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.size === b.size &&
    a.digest === b.digest &&
    a.mtime === b.mtime &&
    (a.mtimeNs ?? 0) === (b.mtimeNs ?? 0) &&
    sameXattrs(a.xattrs, b.xattrs)
  );
}

/** Whether two entries are the same in every respect but their path. */
export function sameEntry(a: Entry, b: Entry): boolean {
  return (
    a.type === b.type &&
    a.link === b.link &&
    a.device?.major === b.device?.major &&
    a.device?.minor === b.device?.minor &&
    a.opaque === b.opaque &&
    sameMetadata(a, b)
  );
}

function sameXattrs(a: Record<string, string> = {}, b: Record<string, string> = {}): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
