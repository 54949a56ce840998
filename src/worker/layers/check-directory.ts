import { closeSync, lstatSync, openSync, readlinkSync, renameSync, type Stats } from 'node:fs';
import type { RecipeEntry } from '../../layer/entry.ts';
import { diskPath, nameOfBytes } from '../../layer/names.ts';
import type { DirectoryReport } from '../../protocol/operations.ts';
import { temporaryPath } from '../../store/temporary.ts';
import { hashFile } from '../file-io.ts';
import type { WorkerContext } from '../worker-context.ts';
import { indexOf } from '../worker-context.ts';
import { forgetForm, READ_FLAGS } from './content.ts';

/** How much of a layer's directory is checked before use: entries, and bytes of files to hash. */
const SAMPLE = { entries: 512, bytes: 4 << 20 };
/** Layers up to this size are always checked in full. */
const SMALL = { entries: 64, bytes: 1 << 20 };
/** What one worker may still check, over all layers. */
const left = { entries: 1024, bytes: 12 << 20 };
/** Not all file systems keep times to the nanosecond. */
const TIME_TOLERANCE_MS = 2000;
/** Entries between two turns of the event loop, so that messages to the worker do not wait long. */
const TURN = 200;

/**
 * Compares a random sample of a layer's directory (all of a small one) with the index, so that a changed file does not
 * affect a command's result. A damaged directory is removed from the layer and has to be made again.
 *
 * @returns the problem, for people; undefined when none was found, or there is no directory
 */
export async function sampleDirectory(
  ctx: WorkerContext,
  { layer }: { layer: string },
): Promise<string | undefined> {
  const [form] = ctx.forms;
  const root = ctx.layout.layerDirectory(layer, form);
  if (lstatSync(root, { throwIfNoEntry: false }) === undefined) return undefined;
  const index = indexOf(ctx, layer);
  let bytes = Math.min(SAMPLE.bytes, Math.max(SMALL.bytes, left.bytes));
  const entries = Math.min(index.size, SAMPLE.entries, Math.max(SMALL.entries, left.entries));
  left.entries -= entries;
  for (const entry of index.sample(entries)) {
    const hashes = entry.type === 'file' && entry.size <= bytes;
    if (hashes) {
      bytes -= entry.size;
      left.bytes -= entry.size;
    }
    const problem = problemOf(root, entry, hashes);
    if (problem === undefined || problem === UNREADABLE) continue;
    discardDirectory(ctx, layer);
    return problem;
  }
  return undefined;
}

/** Removes the worker's directory form from a layer. It is deleted with this process's temporary files. */
function discardDirectory({ layout, forms }: WorkerContext, layer: string): void {
  forgetForm(layout, layer);
  try {
    renameSync(layout.layerDirectory(layer, forms[0]), temporaryPath(layout, 'damaged'));
  } catch (error) {
    // Another process removed it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Compares all directories of a layer that this process can read with its index, contents included. */
export async function checkDirectories(
  ctx: WorkerContext,
  { layer }: { layer: string },
): Promise<DirectoryReport[]> {
  const reports: DirectoryReport[] = [];
  let count = 0;
  for (const form of ctx.forms) {
    const root = ctx.layout.layerDirectory(layer, form);
    if (lstatSync(root, { throwIfNoEntry: false }) === undefined) continue;
    const report: DirectoryReport = { form, unreadable: 0 };
    for (const entry of indexOf(ctx, layer).entries()) {
      if (++count % TURN === 0) await new Promise(setImmediate);
      const problem = problemOf(root, entry, true);
      if (problem === UNREADABLE) report.unreadable++;
      else if (problem !== undefined) {
        report.problem = problem;
        break;
      }
    }
    reports.push(report);
  }
  return reports;
}

const UNREADABLE = 'may not be read';

/** How an entry on disk differs from the index; undefined when it does not. */
function problemOf(root: string, entry: RecipeEntry, hashes: boolean): string | undefined {
  const { path, type } = entry;
  const disk = `${root}/${path}`;
  let stat: Stats | undefined;
  try {
    stat = lstatSync(diskPath(disk), { throwIfNoEntry: false });
    switch (type) {
      case 'directory':
        return stat?.isDirectory() ? undefined : `/${path} is not a directory`;
      case 'symlink':
        return stat?.isSymbolicLink() && nameOfBytes(readlinkSync(diskPath(disk), 'buffer')) === entry.link
          ? undefined
          : `/${path} is not the symbolic link that was stored`;
      case 'file':
        if (!stat?.isFile() || stat.size !== entry.size) return `the size of /${path} has changed`;
        if (Math.abs(stat.mtimeMs - entry.mtime * 1000) > TIME_TOLERANCE_MS)
          return `/${path} has been changed`;
        if (!hashes || entry.digest === undefined || digestOf(disk) === entry.digest) return undefined;
        return `the content of /${path} has changed`;
      case 'hardlink':
        return stat === undefined ? `/${path} is missing` : undefined;
      default:
        // Where devices and whiteouts cannot be made, the directory lacks them.
        return undefined;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return UNREADABLE;
    if (code === 'ENOTDIR' || code === 'ENOENT' || code === 'ELOOP') return `/${path} is missing`;
    if (code === 'EIO') return `/${path} cannot be read from the disk`;
    throw error;
  }
}

function digestOf(path: string): string {
  const fd = openSync(diskPath(path), READ_FLAGS);
  try {
    return hashFile(fd);
  } finally {
    closeSync(fd);
  }
}
