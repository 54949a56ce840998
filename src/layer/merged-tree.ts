import { comparePaths, type Entry, join, parentOf, type RecipeEntry, type Source } from './entry.ts';
import type { LayerIndex } from './layer-index.ts';
import type { Tree, TreeEntry } from './tree.ts';

/** A layer as a tree needs it: its id in the store and its index. */
export interface IndexedLayer {
  id: string;
  index: LayerIndex;
}

/** A layer's part in a directory; `entry` is absent where the directory is only implied. */
interface Part {
  layer: IndexedLayer;
  entry?: Entry;
}

/**
 * The root file system of a stack of layers, read from their indexes alone: as overlayfs would show it, except that a
 * directory which a layer only implies keeps the lower layers' metadata.
 */
export class MergedTree implements Tree {
  /** Topmost first. */
  readonly #layers: IndexedLayer[];
  readonly #directories = new Map<string, Part[]>();

  /** @param layers lowest first */
  constructor(layers: IndexedLayer[]) {
    this.#layers = [...layers].reverse();
  }

  get(path: string): TreeEntry | undefined {
    if (path === '') return directoryEntry('', this.#parts('')) ?? impliedDirectory('');
    for (const { layer } of this.#parts(parentOf(path))) {
      const entry = layer.index.get(path);
      if (entry === undefined) {
        if (layer.index.hasBelow(path)) break;
      } else if (entry.type === 'whiteout') {
        return undefined;
      } else if (entry.type !== 'directory') {
        return leafEntry(layer, entry);
      } else {
        // Listed, not only implied: it has metadata of its own.
        return treeEntry(entry as RecipeEntry & { type: 'directory' });
      }
    }
    const parts = this.#parts(path);
    return parts.length === 0 ? undefined : (directoryEntry(path, parts) ?? impliedDirectory(path));
  }

  children(path: string): string[] {
    const hidden = new Set<string>();
    const names: string[] = [];
    for (const { layer } of this.#parts(path)) {
      for (const name of layer.index.children(path)) {
        if (hidden.has(name)) continue;
        hidden.add(name);
        if (layer.index.get(join(path, name))?.type !== 'whiteout') names.push(name);
      }
    }
    return names.sort(comparePaths);
  }

  *below(path: string): Generator<TreeEntry> {
    const [only, ...others] = this.#parts(path);
    if (only === undefined) return;
    if (others.length === 0) {
      yield* belowInLayer(only.layer, path);
      return;
    }
    for (const name of this.children(path)) {
      const entry = this.get(join(path, name));
      if (entry === undefined) continue;
      yield entry;
      if (entry.type === 'directory') yield* this.below(entry.path);
    }
  }

  /** The layers of a directory, topmost first; empty if the path is not a directory. */
  #parts(path: string): Part[] {
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const above = path === '' ? this.#layers : this.#parts(parentOf(path)).map((part) => part.layer);
    const parts: Part[] = [];
    for (const layer of above) {
      const entry = layer.index.get(path);
      if (entry === undefined) {
        if (path === '' || layer.index.hasBelow(path)) parts.push({ layer });
      } else if (entry.type === 'directory') {
        parts.push({ layer, entry });
        if (entry.opaque) break;
      } else {
        break;
      }
    }
    this.#directories.set(path, parts);
    return parts;
  }
}

/** The entries of one layer below a directory, including implied directories. */
function* belowInLayer(layer: IndexedLayer, root: string): Generator<TreeEntry> {
  let directory = root;
  for (const entry of layer.index.under(root)) {
    if (entry.path === root || entry.type === 'whiteout') continue;
    const parent = parentOf(entry.path);
    if (parent !== directory) {
      const implied: string[] = [];
      for (let at = parent; at !== root && !isWithin(directory, at); at = parentOf(at)) implied.unshift(at);
      for (const path of implied) yield impliedDirectory(path);
      directory = parent;
    }
    if (entry.type === 'directory') {
      yield treeEntry(entry as RecipeEntry & { type: 'directory' });
      directory = entry.path;
    } else {
      const found = leafEntry(layer, entry);
      if (found !== undefined) yield found;
    }
  }
}

/** Whether a path is a directory itself, or somewhere below it. */
function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

function directoryEntry(path: string, parts: Part[]): TreeEntry | undefined {
  const entry = parts.find((part) => part.entry !== undefined)?.entry;
  return entry && treeEntry({ ...entry, path, type: 'directory' });
}

function impliedDirectory(path: string): TreeEntry {
  return { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
}

function treeEntry(entry: RecipeEntry & { type: TreeEntry['type'] }): TreeEntry {
  const { opaque: _layersOwnBusiness, ...rest } = entry;
  return rest;
}

function leafEntry(layer: IndexedLayer, entry: RecipeEntry): TreeEntry | undefined {
  if (entry.type === 'hardlink') {
    const file = layer.index.get(entry.link!);
    if (file === undefined) return undefined;
    return { ...leafEntry(layer, file)!, path: entry.path };
  }
  const found = treeEntry(entry as RecipeEntry & { type: TreeEntry['type'] });
  if (entry.type === 'file') {
    found.source ??= fileSource(layer, entry.path);
    if (layer.index.linked.has(entry.path)) found.inode = `${layer.id}:${entry.path}`;
  }
  return found;
}

function fileSource(layer: IndexedLayer, path: string): Source {
  return { kind: 'layer', layer: layer.id, path };
}
