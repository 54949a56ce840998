import { createHash } from 'node:crypto';
import { type Digest, digestOf } from '../../image/digest.ts';
import type { RecipeEntry, Source } from '../../layer/entry.ts';
import { contentDigest, type LayerIndex } from '../../layer/layer-index.ts';
import type { TreeEntry } from '../../layer/tree.ts';

/** One path to copy. */
export interface SelectedEntry {
  /** Relative to the source; empty for the source itself. */
  path: string;
  /** The entry of its tree. */
  entry: TreeEntry;
  /** Hard link: the path of an earlier entry of the same file. */
  link?: string;
  /** A directory that is only a parent of selected entries: an existing one at the destination is kept. */
  lead?: true;
}

/** One file, directory or archive to copy. */
export interface SelectedSource {
  /**
   * `directory`: its contents go to the destination. `archive`: its members do, and replace existing entries. `file`:
   * anything else; its name is used if the destination is a directory.
   */
  kind: 'file' | 'directory' | 'archive';
  /** Last component of the path as written or matched, symlinks not followed. */
  name: string;
  /** In canonical order: parents first. */
  entries: SelectedEntry[];
  /** ADD does not extract it, even if it is an archive. */
  whole?: true;
}

/** The source side of a COPY or ADD. */
export interface Selection {
  sources: SelectedSource[];
}

/** All files of a selection without a digest, which `selectionDigest` needs. */
export function unhashed(selection: Selection): TreeEntry[] {
  return selection.sources.flatMap(({ entries }) =>
    entries.map(({ entry }) => entry).filter(({ type, digest }) => type === 'file' && digest === undefined),
  );
}

/** An entry for the layer: with its relative path, without fields that a copy does not keep. */
export function copied({ path, entry, link }: SelectedEntry): RecipeEntry {
  const { inode: _ofItsTree, xattrs, ...rest } = entry;
  const result: RecipeEntry = { ...rest, path };
  const kept = Object.entries(xattrs ?? {}).filter(([name]) => !name.startsWith('user.'));
  if (kept.length > 0) result.xattrs = Object.fromEntries(kept);
  if (link === undefined) return result;
  delete result.source;
  return { ...result, type: 'hardlink', link };
}

/**
 * Digest of a selection without times and origins: selections with the same digest copy the same. Every file must have
 * its digest.
 */
export function selectionDigest(selection: Selection): Digest {
  const missing = unhashed(selection)[0];
  if (missing !== undefined) throw new Error(`no digest for ${missing.path}`);
  return digestOf(
    selection.sources.map(({ kind, name, entries }) => ({
      kind,
      name: kind === 'file' ? name : '',
      content: contentDigest(entries.map(copied)),
      leads: entries.filter(({ lead }) => lead).map(({ path }) => path),
    })),
  );
}

/** A heredoc of COPY or ADD as a source: a file of that name with mode 0644. */
export function inlineSource(name: string, data: string, time = 0): SelectedSource {
  const bytes = Buffer.from(data);
  const entry: TreeEntry = {
    path: '',
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: bytes.length,
    mtime: time,
    digest: createHash('sha256').update(bytes).digest('hex'),
    source: { kind: 'inline', data: bytes.toString('base64') },
  };
  return { kind: 'file', name, entries: [{ path: '', entry }] };
}

/** The members of an archive that ADD extracts, from the layer it was read into. */
export function archiveSource(layer: { id: string; index: LayerIndex }): SelectedSource {
  const entries: SelectedEntry[] = [];
  for (const entry of layer.index.entries()) {
    // The archive's own root (`./`) does not change the destination.
    if (entry.path === '' || entry.type === 'whiteout') continue;
    const { opaque: _layersOwnBusiness, link, ...member } = entry;
    const { path } = entry;
    if (entry.type === 'hardlink') {
      const source: Source = { kind: 'layer', layer: layer.id, path: link! };
      entries.push({ path, entry: { ...member, type: 'file', source }, link: link! });
      continue;
    }
    const found: TreeEntry = { ...member, type: entry.type };
    if (link !== undefined) found.link = link;
    if (entry.type === 'file') found.source ??= { kind: 'layer', layer: layer.id, path };
    entries.push({ path, entry: found });
  }
  return { kind: 'archive', name: '', entries };
}
