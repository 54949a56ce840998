import { hash } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { parentOf, type RecipeEntry, type Source } from '../../layer/entry.ts';
import { diskPath } from '../../layer/names.ts';
import { readRecipe } from '../../layer/recipe.ts';
import type { MaterialiseRequest } from '../../protocol/operations.ts';
import { installDirectory } from '../../store/layers.ts';
import { temporaryPath } from '../../store/temporary.ts';
import { hashFile } from '../file-io.ts';
import type { WorkerContext } from '../worker-context.ts';
import {
  contentChanged,
  contentPath,
  isUntouched,
  looksUnchanged,
  openContent,
  sourceOf,
} from './content.ts';
import { LayerDirectory } from './layer-directory.ts';

/** Files up to this size are read and written whole; the kernel copies larger ones, or shares their blocks. */
const SMALL = 1 << 20;
/** Entries between two turns of the event loop, so that messages to the worker do not wait long. */
const TURN = 500;

/**
 * Makes the directory form of a layer from its recipe. All files are copied and compared with the recipe's digests.
 * Files of other layers are not hard-linked: programs see the link count, and two names of one inode in a root behave
 * differently from two files ("mv: are the same file").
 *
 * @throws JettisonError `CONTEXT_CHANGED` when a file of the context has changed since it was selected
 */
export async function materialise(ctx: WorkerContext, request: MaterialiseRequest): Promise<void> {
  const { layout } = ctx;
  const [form] = ctx.forms;
  if (existsSync(layout.layerDirectory(request.layer, form))) return;
  const root = temporaryPath(layout, 'dir');
  try {
    await makeDirectory(ctx, root, request.recipe);
    installDirectory(layout, request.layer, { path: root, form });
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    throw error;
  }
}

/** Makes a directory from a recipe. @param root absolute path, on the store's file system; made here */
export async function makeDirectory(ctx: WorkerContext, root: string, recipe: string): Promise<void> {
  await makeTree(ctx, root, readRecipe(recipe));
}

/**
 * Makes a directory from a recipe's entries.
 *
 * @param options.exact sets owners and modes exactly as in the entries, even if this process cannot read the files then
 */
export async function makeTree(
  ctx: WorkerContext,
  root: string,
  entries: Iterable<RecipeEntry>,
  options: { exact?: boolean } = {},
): Promise<void> {
  const making = new Materialiser(ctx, root, options);
  let count = 0;
  for (const entry of entries) {
    making.add(entry);
    if (++count % TURN === 0) await new Promise(setImmediate);
  }
  making.finish();
}

/** The source of a file whose content is not in the recipe itself. */
type OnDisk = Exclude<Source, { kind: 'inline' }>;

class Materialiser {
  readonly #directory: LayerDirectory;
  readonly #directories: RecipeEntry[] = [];
  readonly #implied: string[] = [];
  readonly #made = new Set<string>(['']);
  readonly #buffer = Buffer.allocUnsafe(SMALL + 1);

  readonly #ctx: WorkerContext;

  constructor(ctx: WorkerContext, root: string, options: { exact?: boolean }) {
    this.#ctx = ctx;
    this.#directory = new LayerDirectory(root, options.exact ? 'user' : ctx.overlay);
  }

  add(entry: RecipeEntry): void {
    if (entry.path !== '') this.#makeParents(parentOf(entry.path));
    switch (entry.type) {
      case 'directory':
        if (!this.#made.has(entry.path)) this.#directory.makeDirectory(entry.path);
        this.#made.add(entry.path);
        this.#directories.push(entry);
        break;
      case 'file':
        this.#addFile(entry, sourceOf(entry));
        break;
      case 'hardlink':
        this.#directory.link(entry.link!, entry.path);
        break;
      default:
        this.#directory.makeSpecial(entry);
    }
  }

  finish(): void {
    this.#directory.finish(this.#directories, this.#implied);
  }

  #makeParents(path: string): void {
    if (this.#made.has(path)) return;
    this.#makeParents(parentOf(path));
    this.#directory.makeDirectory(path);
    this.#made.add(path);
    this.#implied.push(path);
  }

  #addFile(entry: RecipeEntry, source: Source): void {
    if (source.kind === 'inline') this.#write(entry, Buffer.from(source.data, 'base64'));
    else if (entry.size <= SMALL) this.#write(entry, this.#readSmall(entry, source));
    else this.#copyLarge(entry, source);
  }

  /** The kernel copies from the open file, so that the checked file is the copied one, even if the path is replaced. */
  #copyLarge(entry: RecipeEntry, source: OnDisk): void {
    const from = openContent(this.#ctx, entry, source);
    try {
      const to = diskPath(this.#directory.path(entry.path));
      const path = process.platform === 'linux' ? `/proc/self/fd/${from}` : contentPath(this.#ctx, source);
      copyFileSync(diskPath(path), to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      const copy = openSync(to, 'r');
      try {
        if (!this.#isContentOf(entry, source, from, copy)) throw contentChanged(entry, source);
        this.#directory.setFileMetadata(copy, entry);
      } finally {
        closeSync(copy);
      }
    } finally {
      closeSync(from);
    }
  }

  /**
   * Compares size, then digest. For a file of the context an equal change time, which programs cannot set, is enough;
   * for a file of the store it does not rule out damage.
   */
  #isContentOf(entry: RecipeEntry, source: OnDisk, original: number, copy: number): boolean {
    if (fstatSync(copy).size !== entry.size) return false;
    if (entry.digest === undefined) return true;
    const isElsewhere = source.kind === 'host' && !source.path.startsWith(`${this.#ctx.layout.home}/`);
    if (isElsewhere && isUntouched(source, fstatSync(original))) return true;
    return hashFile(copy) === entry.digest;
  }

  #write(entry: RecipeEntry, content: Buffer): void {
    const fd = openSync(diskPath(this.#directory.path(entry.path)), 'wx', 0o600);
    try {
      // Unlike one write(2), this continues after a short write: the next one reports a full disk.
      writeFileSync(fd, content);
      this.#directory.setFileMetadata(fd, entry);
    } finally {
      closeSync(fd);
    }
  }

  #readSmall(entry: RecipeEntry, source: OnDisk): Buffer {
    const fd = openContent(this.#ctx, entry, source);
    let length = 0;
    let stat: Stats | undefined;
    try {
      for (;;) {
        const count = readSync(fd, this.#buffer, length, this.#buffer.length - length, null);
        length += count;
        if (count === 0 || length === this.#buffer.length) break;
      }
      if (entry.digest === undefined) stat = fstatSync(fd);
    } finally {
      closeSync(fd);
    }
    const content = this.#buffer.subarray(0, length);
    const same =
      entry.digest === undefined
        ? length === entry.size && (source.kind !== 'host' || looksUnchanged(entry, stat!))
        : hash('sha256', content, 'hex') === entry.digest;
    if (!same) throw contentChanged(entry, source);
    return content;
  }
}
