import {
  type BigIntStats,
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  statfsSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { JettisonError } from '../../errors/error.ts';
import { join, type RecipeEntry } from '../../layer/entry.ts';
import { LayerIndex } from '../../layer/layer-index.ts';
import type { IndexedLayer } from '../../layer/merged-tree.ts';
import { diskPath, nameOfBytes } from '../../layer/names.ts';
import {
  discardFailure,
  type FailureRecord,
  failureDirectory,
  failurePath,
  installFailure,
  staleFailures,
} from '../../store/failures.ts';
import type { StoreLayout } from '../../store/layout.ts';
import { getXattr, tryLock } from '../native.ts';
import type { WorkerContext } from '../worker-context.ts';

/** A disk of which less than one part in this many is free counts as full. */
const FULL_SHARE = 50;

/** A layer of a command's root, and where its files are. */
export interface StackedLayer extends IndexedLayer {
  /** Absolute path. */
  directory: string;
}

/**
 * Keeps what a failed command left, for `jettison debug`, and lets go of older ones. The build fails for a reason of
 * its own: whatever goes wrong here is no matter.
 *
 * @param upper absolute path of the upper directory, which is moved; absent when the command never ran
 * @returns its name; undefined when it could not be kept
 */
export async function keepFailed(
  ctx: WorkerContext,
  failure: Omit<FailureRecord, 'created' | 'form'>,
  upper: string | undefined,
): Promise<string | undefined> {
  const { layout } = ctx;
  try {
    if (isFull(layout.home)) return undefined;
    const record = { ...failure, form: ctx.forms[0], created: new Date().toISOString() };
    const id = installFailure(layout, record, upper);
    await discardStale(layout);
    return id;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}

/** Whether a command has filled the disk: then what it left is in everybody's way. */
function isFull(path: string): boolean {
  const { bavail, blocks } = statfsSync(path);
  return bavail * FULL_SHARE < blocks;
}

/** Deletes what is old, or of which there is something newer, unless somebody stands on it. */
export async function discardStale(layout: StoreLayout): Promise<void> {
  for (const id of staleFailures(layout)) {
    const fd = openRecord(layout, id);
    try {
      if (fd === undefined || tryLock(fd, 'exclusive')) {
        await rm(discardFailure(layout, id), { recursive: true, force: true });
      }
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}

/**
 * Opens what a failed command left as the topmost layer of a root.
 *
 * @returns no layer when the command had never run; nothing of it is deleted before `close`
 * @throws JettisonError `FAILURE_GONE`
 */
export function openKept(
  ctx: WorkerContext,
  id: string,
): { layer: StackedLayer | undefined; close: () => void } {
  const fd = openRecord(ctx.layout, id);
  if (fd === undefined || !tryLock(fd, 'shared')) {
    throw new JettisonError('FAILURE_GONE', 'what the failed command left has just been deleted', {
      hint: 'Build again.',
    });
  }
  const directory = failureDirectory(ctx.layout, id);
  const layer =
    directory === undefined ? undefined : { id, directory, index: LayerIndex.of(list(ctx, directory)) };
  return { layer, close: () => closeSync(fd) };
}

function openRecord(layout: StoreLayout, id: string): number | undefined {
  try {
    return openSync(failurePath(layout, id), 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The entries of an upper directory, as far as a root is planned by them: nobody needs digests and attributes. */
function* list(ctx: WorkerContext, directory: string): Iterable<RecipeEntry> {
  const waiting = [''];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const bytes of readdirSync(diskPath(join(directory, path)), { encoding: 'buffer' })) {
      const at = join(path, nameOfBytes(bytes));
      const disk = `${directory}/${at}`;
      const stat = lstatSync(diskPath(disk), { bigint: true });
      const type = typeOf(stat);
      // A socket without whoever listens.
      if (type === undefined) continue;
      if (type === 'directory') waiting.push(at);
      const opaque =
        type === 'directory' && getXattr(disk, `${ctx.overlay}.overlay.opaque`)?.toString('latin1') === 'y';
      yield {
        path: at,
        type,
        mode: Number(stat.mode & 0o7777n),
        uid: Number(stat.uid),
        gid: Number(stat.gid),
        size: type === 'file' ? Number(stat.size) : 0,
        mtime: Number(stat.mtimeMs / 1000n),
        ...(type === 'symlink' ? { link: nameOfBytes(readlinkSync(diskPath(disk), 'buffer')) } : {}),
        ...(opaque ? { opaque } : {}),
      };
    }
  }
}

function typeOf(stat: BigIntStats): RecipeEntry['type'] | undefined {
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFile()) return 'file';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isBlockDevice()) return 'block';
  if (stat.isCharacterDevice()) return stat.rdev === 0n ? 'whiteout' : 'char';
  return undefined;
}
