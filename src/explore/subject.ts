import type { Inspection } from '../inspect/inspection.ts';
import type { Content, Leaf } from '../inspect/leaf.ts';
import type { Cursor } from './cursor.ts';
import type { FileTree } from './file-tree.ts';
import type { Lists, View } from './lists.ts';
import type { TreeView } from './tree-view.ts';

/** A path as a layer has it. */
export type Subject = Pick<Leaf, 'path' | 'entry' | 'layer'> & { content: Content | undefined };

/** A file's content, wherever the image is. */
export interface Wanted {
  path: string;
  /** The layer that has it: a position in the image. */
  layer: number;
  size: number;
  digest: string | undefined;
  mode: number;
}

/** The part of the explorer's state that determines the selected row. */
interface Selection {
  view: View;
  tree: FileTree;
  files: TreeView;
  /** The selected node of the files pane. */
  node: number | undefined;
  lists: Lists;
  cursors: { packages: Cursor; waste: Cursor };
  inspection: Inspection;
}

/** The path of the selected row: of a file, of a wasted file, or the first one of a package. */
export function subjectOf(selection: Selection): Subject | undefined {
  const { view, files, tree, node, lists, cursors, inspection } = selection;
  if (view === 'kinds') return undefined;
  if (view === 'packages') {
    const owner = lists.packages[cursors.packages.row];
    if (owner === undefined) return undefined;
    for (const leaf of inspection.census.leaves.values()) if (leaf.owner?.id === owner.id) return leaf;
    return undefined;
  }
  if (view === 'files') {
    return node === undefined ? undefined : subjectAt(tree, node, files.snapshot.event[node]!);
  }
  const row = lists.waste[cursors.waste.row];
  const wasted = row === undefined ? undefined : tree.find(row.path);
  if (row === undefined || wasted === undefined) return undefined;
  const event = tree.eventsOf(wasted).findLast((at) => tree.layerOf[at] === row.layer);
  return event === undefined ? undefined : subjectAt(tree, wasted, event);
}

function subjectAt(tree: FileTree, node: number, event: number): Subject | undefined {
  const entry = event < 0 ? undefined : tree.entries[event];
  if (entry === undefined) return undefined;
  const path = tree.paths[node]!;
  const layer = tree.layerOf[event]!;
  const { size, digest } = entry;
  return { path, entry, layer, content: { layer, path, size, digest } };
}

/** The file under the cursor, links followed in the final tree; a reason where there is none. */
export function wantedOf({ node, files, tree, inspection: { census } }: Selection): Wanted | string {
  const event = node === undefined ? -1 : files.snapshot.event[node]!;
  const entry = event < 0 ? undefined : tree.entries[event];
  if (entry === undefined) return 'there is no file here';
  const { path, type, size, digest, mode, link } = entry;
  if (type === 'file' || type === 'hardlink')
    return { path, layer: tree.layerOf[event]!, size, digest, mode };
  if (type !== 'symlink') return `/${path} is not a file`;
  const target = census.leaf(census.real(path) ?? '');
  if (target?.content === undefined) return `/${path} leads to ${link}, which is not a file of the image`;
  const { layer, digest: of, size: bytes } = target.content;
  return { path: target.path, layer, size: bytes, digest: of, mode: target.entry.mode };
}
