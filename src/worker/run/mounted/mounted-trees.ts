import { chmodSync, chownSync, lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MountLine } from '../../../launch/mount-table.ts';
import type { BoundSource } from '../../../launch/rootfs.ts';
import { join as joinPath } from '../../../layer/entry.ts';
import { MergedTree } from '../../../layer/merged-tree.ts';
import { diskPath } from '../../../layer/names.ts';
import type { ExecMount } from '../../../protocol/exec-request.ts';
import { isMapped } from '../../id-map.ts';
import { makeDirectory } from '../../layers/materialise.ts';
import type { WorkerContext } from '../../worker-context.ts';
import { indexOf } from '../../worker-context.ts';
import { linkLayers, overlayOptions, overlayXattrs } from './overlay.ts';

type TreeMount = Extract<ExecMount, { type: 'tree' }>;

/**
 * Makes the sources of a run's `tree` mounts (files of a context, stage or image), inside the run's folder: a copy, or an
 * overlay with a new upper directory. Commands may write to either; both are deleted with the folder.
 *
 * @param folder absolute path of the run's folder
 */
export class MountedTrees {
  /** Mounts to make before the root's own ones. */
  readonly mounts: MountLine[] = [];

  readonly #ctx: WorkerContext;
  readonly #folder: string;

  constructor(ctx: WorkerContext, folder: string) {
    this.#ctx = ctx;
    this.#folder = folder;
  }

  /** @param number of the mount among the run's */
  async add(number: number, mount: TreeMount): Promise<BoundSource> {
    const place = join(this.#folder, `tree-${number}`);
    const { from, kind } = mount;
    const source = join(place, from.path);
    if ('recipe' in from) {
      await makeDirectory(this.#ctx, place, from.recipe);
      return { source, kind, type: (path) => typeOnDisk(source, path) };
    }
    const tree = new MergedTree(from.layers.map((id) => ({ id, index: indexOf(this.#ctx, id) })));
    this.#overlay(number, place, from.layers, tree);
    return { source, kind, type: (path) => tree.get(joinPath(from.path, path))?.type };
  }

  #overlay(number: number, place: string, layers: string[], tree: MergedTree): void {
    const names = { upper: `upper-${number}`, work: `work-${number}`, empty: `empty-${number}` };
    for (const path of [place, ...Object.values(names).map((name) => join(this.#folder, name))])
      mkdirSync(path);
    const { mode, uid, gid } = tree.get('')!;
    const upper = join(this.#folder, names.upper);
    if (isMapped('uid', uid) && isMapped('gid', gid)) chownSync(upper, uid, gid);
    chmodSync(upper, mode);
    const directories = layers.map((id) => this.#ctx.layout.layerDirectory(id, this.#ctx.forms[0]));
    const lower = linkLayers(this.#folder, `lower/${number}-`, directories);
    this.mounts.push({
      source: 'overlay',
      target: place,
      type: 'overlay',
      options: `nodev,${overlayOptions(
        { lower: [...lower.reverse(), names.empty], upper: names.upper, work: names.work },
        overlayXattrs(this.#ctx),
      )}`,
    });
  }
}

/** The type of a path below a directory that no other process writes to; symlinks are not followed. */
export function typeOnDisk(directory: string, path: string): string | undefined {
  const stat = lstatSync(diskPath(`${directory}/${path}`), { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (stat.isDirectory()) return 'directory';
  return stat.isFile() ? 'file' : stat.isSymbolicLink() ? 'symlink' : 'device';
}
