import { closeSync, lstatSync, openSync, readlinkSync, renameSync, type Stats } from 'node:fs';
import type { RecipeEntry } from '../../layer/entry.ts';
import { diskPath, nameOfBytes } from '../../layer/names.ts';
import type { DirectoryReport } from '../../protocol/operations.ts';
import { temporaryPath } from '../../store/temporary.ts';
import { hashFile } from '../file-io.ts';
import type { WorkerContext } from '../worker-context.ts';
import { indexOf } from '../worker-context.ts';
import { forgetForm, READ_FLAGS } from './content.ts';

/** How much of a layer's directory is looked at before it is used: entries, and bytes of files to hash. */
const SAMPLE = { entries: 512, bytes: 4 << 20 };
/** A layer as small as this is looked at whatever came before. */
const SMALL = { entries: 64, bytes: 1 << 20 };
/** The same of all layers that one worker uses. */
const left = { entries: 1024, bytes: 12 << 20 };
/** Not all file systems keep times to the nanosecond. */
const TIME_TOLERANCE_MS = 2000;
/** Entries between two turns of the event loop: what a message to the worker waits at most. */
const TURN = 200;

/**
 * Looks at some entries of a layer's directory, chosen anew each time, and at all of a small layer: a changed file
 * must not flow into what a command makes. A damaged directory is taken out of the layer, which then has to be made
 * again.
 *
 * @returns what is wrong, for people; undefined when nothing was found, or there is no directory
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

/** Takes the worker's directory out of a layer. It is deleted with this process's other temporary files. */
function discardDirectory({ layout, forms }: WorkerContext, layer: string): void {
  forgetForm(layout, layer);
  try {
    renameSync(layout.layerDirectory(layer, forms[0]), temporaryPath(layout, 'damaged'));
  } catch (error) {
    // Somebody else did.
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

/** What is wrong with an entry on the disk. */
function problemOf(root: string, entry: RecipeEntry, hashes: boolean): string | undefined {
  const { path, type } = entry;
  const disk = `${root}/${path}`;
  let stat: Stats | undefined;
  try {
    stat = lstatSync(diskPath(disk), { throwIfNoEntry: false });
    switch (type) {
      case 'directory':
        return stat?.isDirectory() ? undefined : `/${path} is no directory`;
      case 'symlink':
        return stat?.isSymbolicLink() && nameOfBytes(readlinkSync(diskPath(disk), 'buffer')) === entry.link
          ? undefined
          : `/${path} is another symbolic link, or none`;
      case 'file':
        if (!stat?.isFile() || stat.size !== entry.size) return `/${path} has not the size that it had`;
        if (Math.abs(stat.mtimeMs - entry.mtime * 1000) > TIME_TOLERANCE_MS)
          return `/${path} has been changed`;
        if (!hashes || entry.digest === undefined || digestOf(disk) === entry.digest) return undefined;
        return `/${path} has not the content that it had`;
      case 'hardlink':
        return stat === undefined ? `/${path} is missing` : undefined;
      default:
        // Not everybody can make devices and whiteouts everywhere.
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
