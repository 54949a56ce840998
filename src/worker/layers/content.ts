import { constants, existsSync, openSync, type Stats } from 'node:fs';
import { JettisonError } from '../../errors/error.ts';
import type { Entry, RecipeEntry, Source } from '../../layer/entry.ts';
import { openHostFile, saysChanged } from '../../layer/host-file.ts';
import { diskPath } from '../../layer/names.ts';
import type { DirectoryForm } from '../../store/forms.ts';
import type { StoreLayout } from '../../store/layout.ts';
import type { WorkerContext } from '../worker-context.ts';

/** Flags for opening content: O_NOFOLLOW, in case a symlink has replaced the file. */
export const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Absolute path of a file's content. @throws Error when no directory form that this process reads has it */
export function contentPath(ctx: WorkerContext, source: Exclude<Source, { kind: 'inline' }>): string {
  if (source.kind === 'host') return source.path;
  const form = formWithContent(ctx, source.layer);
  if (form === undefined) throw new Error(`layer ${source.layer} has no directory`);
  return `${ctx.layout.layerDirectory(source.layer, form)}/${source.path}`;
}

/** Cached by the layer's folder: a worker's lease keeps directories, unless they are damaged. */
const known = new Map<string, DirectoryForm>();

/** Call when a directory of a layer is removed. */
export function forgetForm(layout: StoreLayout, layer: string): void {
  known.delete(layout.layer(layer));
}

/** The directory form from which this process reads a layer's files: its own form first. */
export function formWithContent({ layout, forms }: WorkerContext, layer: string): DirectoryForm | undefined {
  const folder = layout.layer(layer);
  let form = known.get(folder);
  if (form === undefined) {
    form = forms.find((one) => existsSync(layout.layerDirectory(layer, one)));
    if (form === forms[0]) known.set(folder, form);
  }
  return form;
}

/**
 * Opens the content of a file, without following a symlink that has replaced part of its path.
 *
 * @throws JettisonError `CONTEXT_CHANGED` when a file of the context is missing
 */
export function openContent(
  ctx: WorkerContext,
  entry: Entry,
  source: Exclude<Source, { kind: 'inline' }>,
): number {
  const path = contentPath(ctx, source);
  if (source.kind === 'layer') return openSync(diskPath(path), READ_FLAGS);
  try {
    return openHostFile(path);
  } catch (error) {
    throw saysChanged(error) ? contentChanged(entry, source) : error;
  }
}

/** The source of a recipe's file, which every file must have. */
export function sourceOf(entry: RecipeEntry): Source {
  if (entry.source === undefined) throw new Error(`the recipe has no source for ${entry.path}`);
  return entry.source;
}

/** Whether a file has the size and time of its entry. */
export function looksUnchanged(entry: Entry, stat: Stats): boolean {
  const expected = entry.mtime * 1000 + (entry.mtimeNs ?? 0) / 1e6;
  return stat.isFile() && stat.size === entry.size && Math.abs(stat.mtimeMs - expected) < 0.01;
}

/** Whether the file's change time is that of its selection; its digest was computed after that. */
export function isUntouched({ changedMs }: { changedMs?: number }, stat: Stats): boolean {
  return changedMs !== undefined && Math.abs(stat.ctimeMs - changedMs) < 0.01;
}

/** The error for a file that has changed since it was selected. */
export function contentChanged(entry: Entry, source: Source): JettisonError {
  if (source.kind === 'host') {
    return new JettisonError('CONTEXT_CHANGED', `${source.path} changed during the build`, {
      hint: 'Build again once nothing writes to the build context any more.',
      details: { path: source.path },
    });
  }
  const where = source.kind === 'layer' ? `layer ${source.layer}` : 'a made file';
  return new JettisonError('STORE_DAMAGED', `/${entry.path} of ${where} is not what was stored`, {
    hint: 'Files of the store were changed. Run `jettison doctor --store --repair`, then build again.',
    details: { path: entry.path },
  });
}
