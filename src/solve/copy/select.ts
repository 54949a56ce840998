import { type IgnoreRules, ignoreRules } from '../../context/ignore.ts';
import { cleanPattern, compileWildcard, hasWildcard, PatternError } from '../../context/pattern.ts';
import { closest } from '../../errors/closest.ts';
import { JettisonError } from '../../errors/error.ts';
import { join, nameOf, parentOf } from '../../layer/entry.ts';
import { below, resolvePath, type Tree, type TreeEntry } from '../../layer/tree.ts';
import type { Turns } from '../turns.ts';
import { inlineSource, type SelectedEntry, type SelectedSource, type Selection } from './selection.ts';

export interface SelectOptions {
  /** Paths and patterns as in `CopyStep`. */
  sources: string[];
  exclude: string[];
  parents: boolean;
  heredocs?: { name: string; data: string }[];
  /** Name of the tree for messages: `the build context`, `stage "build"`, `image "node:20"`. */
  place: string;
  /** Ignore rules of the tree, for the message about a missing source. */
  ignore?: IgnoreRules;
  /** See `Context`. */
  reserved?: (path: string) => string | undefined;
  /** Time of heredoc files: seconds since 1970, default 0. */
  time?: number;
}

/** Entries per turn of the event loop. */
const TURN = 256;

/** A found source: its path and its name. */
interface Found {
  /** With symlinks resolved. */
  path: string;
  entry: TreeEntry;
  name: string;
}

/**
 * The source side of COPY and ADD: the entries of a tree that paths and patterns select. A source that is a symlink is
 * followed inside the tree's root; symlinks below it are copied as symlinks. Run it with `inTurns`.
 *
 * @throws JettisonError `COPY_SOURCE_MISSING`, `COPY_PATTERN`, `SYMLINK_LOOP`
 */
export function* selectSources(tree: Tree, options: SelectOptions): Turns<Selection> {
  const exclude = ignoreRules(options.exclude, '--exclude');
  const sources: SelectedSource[] = [];
  for (const source of options.sources) {
    if (options.parents) {
      sources.push(...(yield* selectWithParents(tree, source, exclude, options)));
    } else {
      for (const found of yield* find(tree, source, options)) {
        sources.push(yield* collect(tree, found, unless(exclude)));
      }
    }
  }
  for (const { name, data } of options.heredocs ?? []) sources.push(inlineSource(name, data, options.time));
  return { sources };
}

/** The paths of a source; a pattern may match none, but the directory before its first wildcard must exist. */
function* find(tree: Tree, source: string, options: SelectOptions): Turns<Found[]> {
  const components = clean(source).split('/');
  const wild = components.findIndex(hasWildcard);
  const literal = (wild < 0 ? components : components.slice(0, wild)).join('/');
  if (wild < 0) return [resolve(tree, literal, source, options)];
  const base = resolvePath(tree, literal);
  if (base.entry === undefined) throw missing(tree, literal, source, options);
  let matches = [{ path: base.path, written: literal }];
  for (const pattern of components.slice(wild)) {
    const test = compile(pattern, source);
    const matched: typeof matches = [];
    for (const { path, written } of matches) {
      yield;
      for (const name of tree.children(path).filter(test)) {
        matched.push({ path: join(path, name), written: join(written, name) });
      }
    }
    matches = matched;
  }
  const found: Found[] = [];
  for (const { path, written } of matches) {
    yield;
    if (tree.get(path) === undefined) continue;
    found.push({ ...resolve(tree, path, source, options), name: nameOf(written) });
  }
  return found;
}

function resolve(tree: Tree, path: string, source: string, options: SelectOptions): Found {
  const { path: resolved, entry } = resolvePath(tree, path);
  if (entry === undefined) throw missing(tree, path, source, options);
  return { path: resolved, entry, name: nameOf(path) };
}

/** Selects paths below a source. */
interface Filter {
  included: (path: string) => boolean;
  mayContain: (path: string) => boolean;
}

function unless(exclude: IgnoreRules): Filter | undefined {
  if (exclude.isEmpty) return undefined;
  return {
    included: (path) => !exclude.excludes(path),
    mayContain: (path) => exclude.mayContainIncluded(path),
  };
}

/** All entries of a found path that the filter selects, with the directories above them. */
function* collect(tree: Tree, found: Found, filter: Filter | undefined): Turns<SelectedSource> {
  const { included, mayContain } = filter ?? { included: () => true, mayContain: () => true };
  const entries: SelectedEntry[] = [];
  const firstNames = new Map<string, string>();
  const leads: SelectedEntry[] = [];
  const add = (path: string, entry: TreeEntry, lead: boolean) => {
    const selected: SelectedEntry = { path, entry };
    const first = entry.inode === undefined ? undefined : firstNames.get(entry.inode);
    if (first !== undefined) selected.link = first;
    else if (entry.inode !== undefined) firstNames.set(entry.inode, path);
    if (lead) {
      selected.lead = true;
      leads.push(selected);
    } else {
      entries.push(...leads.splice(0), selected);
    }
  };
  let count = 0;
  function* walk(path: string, entry: TreeEntry): Turns<void> {
    const take = path === '' || included(path);
    if (entry.type !== 'directory') {
      if (take) add(path, entry, false);
      return;
    }
    if (!take && !mayContain(path)) return;
    add(path, entry, !take);
    const before = leads.length;
    for (const name of tree.children(entry.path)) {
      if (++count % TURN === 0) yield;
      const child = tree.get(join(entry.path, name));
      if (child !== undefined) yield* walk(join(path, name), child);
    }
    // Drop a directory that leads to no selected entry.
    if (!take && leads.length === before) leads.pop();
  }
  if (filter === undefined) {
    add('', found.entry, false);
    const skip = found.path === '' ? 0 : found.path.length + 1;
    for (const entry of below(tree, found.path)) {
      if (++count % TURN === 0) yield;
      add(entry.path.slice(skip), entry, false);
    }
  } else {
    yield* walk('', found.entry);
  }
  return {
    kind: found.entry.type === 'directory' ? 'directory' : 'file',
    name: found.name,
    entries,
  };
}

/** `--parents`: keeps the source's own path, from the root or after `/./`, below the destination. */
function* selectWithParents(
  tree: Tree,
  source: string,
  exclude: IgnoreRules,
  options: SelectOptions,
): Turns<SelectedSource[]> {
  const pivot = source.indexOf('/./');
  const pattern = clean(pivot < 0 ? source : source.slice(pivot + 3));
  const bases = yield* find(tree, (pivot < 0 ? '' : source.slice(0, pivot)) || '/', options);
  const sources: SelectedSource[] = [];
  if (pattern === '') {
    for (const base of bases) sources.push(yield* collect(tree, base, unless(exclude)));
    return sources;
  }
  const include = ignoreRules([pattern], 'COPY --parents');
  const steps = pattern.split('/');
  for (const base of bases) {
    if (!hasWildcard(pattern) && tree.get(join(base.path, pattern)) === undefined) {
      throw missing(tree, join(base.path, pattern), source, options);
    }
    const part = yield* collect(tree, base, {
      included: (path) => include.excludes(path) && !exclude.excludes(path),
      mayContain: (path) => leadsTo(path, steps, source) && exclude.mayContainIncluded(path),
    });
    sources.push({ ...part, entries: part.entries.map(asLead) });
  }
  return sources;
}

/** With `--parents`, directories are created if missing, and otherwise unchanged. */
function asLead(selected: SelectedEntry): SelectedEntry {
  return selected.entry.type === 'directory' ? { ...selected, lead: true } : selected;
}

/** Whether something below a directory can match a pattern, given as its components. */
function leadsTo(directory: string, pattern: string[], source: string): boolean {
  for (const [depth, name] of directory.split('/').entries()) {
    const step = pattern[depth];
    if (step === undefined || step.includes('**')) return true;
    if (!compile(step, source)(name)) return false;
  }
  return true;
}

/** A source path relative to the root: `..` stops there. */
function clean(path: string): string {
  return cleanPattern(`/${path}`).slice(1);
}

function compile(pattern: string, source: string): (name: string) => boolean {
  try {
    return compileWildcard(pattern);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new JettisonError('COPY_PATTERN', `invalid pattern "${source}": ${error.message}`, {
      hint: 'Write [[] for a literal "[".',
    });
  }
}

function missing(tree: Tree, path: string, source: string, options: SelectOptions): JettisonError {
  const { path: wanted } = resolvePath(tree, path);
  const reserved = options.reserved?.(wanted);
  if (reserved !== undefined) {
    return new JettisonError(
      'COPY_SOURCE_RESERVED',
      `"${source}" is ${reserved}, which is never part of ${options.place}`,
      {
        hint: 'Copy another path, or write that output to another place.',
        details: { source, path: wanted },
      },
    );
  }
  return new JettisonError('COPY_SOURCE_MISSING', `"${source}" does not exist in ${options.place}`, {
    hint: whyMissing(tree, path, wanted, options),
    details: { source, path: wanted },
  });
}

function whyMissing(tree: Tree, path: string, wanted: string, { ignore, place }: SelectOptions): string {
  const { excluded, rule } = ignore?.match(wanted) ?? { excluded: false };
  if (excluded) {
    return `Line ${rule!.line} of ${ignore!.file} ("${rule!.pattern}") keeps it out of the build; a later line "!${wanted}" lets it in.`;
  }
  if (tree.get(path)?.type === 'symlink')
    return `It is a symbolic link to "/${wanted}", which ${place} does not have.`;
  let directory = parentOf(wanted);
  let name = nameOf(wanted);
  while (directory !== '' && tree.get(directory) === undefined) {
    name = nameOf(directory);
    directory = parentOf(directory);
  }
  const meant = closest(name, tree.children(directory));
  return meant === undefined
    ? `Paths are relative to the root of ${place}.`
    : `Did you mean "${join(directory, meant)}"?`;
}
