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

/** A disk counts as full when less than 1/50 of it is free. */
const FULL_SHARE = 50;

/** A layer of a command's root, with the directory of its files. */
export interface StackedLayer extends IndexedLayer {
  /** Absolute path. */
  directory: string;
}

/**
 * Keeps the changes of a failed command for `jettison debug`, and deletes older ones. Ignores errors: the build has
 * failed already, and reports that failure.
 *
 * @param upper absolute path of the upper directory, which is moved; absent when the command never ran
 * @returns the failure's id; undefined when it could not be kept
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

/** Whether the command has filled the disk: then its changes are not kept. */
function isFull(path: string): boolean {
  const { bavail, blocks } = statfsSync(path);
  return bavail * FULL_SHARE < blocks;
}

/** Deletes old and superseded failures, unless a `jettison debug` uses them. */
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
 * Opens the changes of a failed command as the topmost layer of a root, and locks them until `close`.
 *
 * @returns without a layer if the command had never run
 * @throws JettisonError `FAILURE_GONE`
 */
export function openKept(
  ctx: WorkerContext,
  id: string,
): { layer: StackedLayer | undefined; close: () => void } {
  const fd = openRecord(ctx.layout, id);
  if (fd === undefined || !tryLock(fd, 'shared')) {
    throw new JettisonError('FAILURE_GONE', 'the files of the failed command have just been deleted', {
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

/** The entries of an upper directory, without digests and attributes: planning a root does not need them. */
function* list(ctx: WorkerContext, directory: string): Iterable<RecipeEntry> {
  const waiting = [''];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const bytes of readdirSync(diskPath(join(directory, path)), { encoding: 'buffer' })) {
      const at = join(path, nameOfBytes(bytes));
      const disk = `${directory}/${at}`;
      const stat = lstatSync(diskPath(disk), { bigint: true });
      const type = typeOf(stat);
      // A socket whose process has ended.
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
