import { createHash } from 'node:crypto';
import type { Context } from '../context/context.ts';
import type { IgnoreRules } from '../context/ignore.ts';
import type { TreeLine } from '../git/object.ts';
import type { GitObjects } from '../git/objects.ts';
import { comparePaths, join, nameOf, parentOf } from '../layer/entry.ts';
import { nameOfBytes } from '../layer/names.ts';
import type { TreeEntry } from '../layer/tree.ts';
import { type DigestTree, leafDigest, type NamedMode } from './digest-tree.ts';

/** Lines of a tree as they are asked for. */
interface Lines {
  /** In canonical order. */
  all: TreeLine[];
  byName: Map<string, TreeLine>;
}

/** Where the folder `.git` is a part of the context, it is another one after each commit. */
export type GitFolder = 'directory' | 'file' | 'none';

/** Beginning of the ids of trees and files that are in no repository. */
const MADE = 'made:';

/** The trees of a repository as contexts with one set of ignore rules. Remembers what commits have in common. */
export class CommitContexts {
  readonly #lines = new Map<string, Lines>();
  readonly #digests = new Map<string, string>();
  readonly #holdsIncluded = new Map<string, boolean>();

  constructor(
    readonly objects: GitObjects,
    readonly ignore: IgnoreRules,
    private readonly gitFolder: GitFolder,
  ) {}

  /** The context that a commit's checkout is. @param root its tree; undefined when the directory is not in it */
  at(commit: string, root: string | undefined): CommitContext {
    return new CommitContext(this, commit, root);
  }

  /** The lines of the context's own directory. */
  root(commit: string, tree: string | undefined): string {
    const id = `${MADE}${commit}`;
    if (this.gitFolder === 'none' && tree !== undefined) return tree;
    if (!this.#lines.has(id)) {
      const lines = tree === undefined ? [] : [...this.objects.tree(tree)];
      if (this.gitFolder === 'file') lines.push(madeFile('.git', 'constant'));
      if (this.gitFolder === 'directory') {
        lines.push({ name: '.git', kind: 'directory', id: this.#gitFolderOf(commit) });
      }
      this.#keep(id, lines);
    }
    return id;
  }

  lines(id: string): Lines {
    return this.#lines.get(id) ?? this.#keep(id, this.objects.tree(id));
  }

  /** The tree of a line that is a directory. */
  below(line: TreeLine): string {
    return line.kind === 'module' ? this.#module(line.id) : line.id;
  }

  /** Whether the build sees a path. */
  isVisible(path: string, line: TreeLine): boolean {
    if (!this.ignore.excludes(path)) return true;
    return isDirectory(line) && this.#hasIncluded(path, this.below(line));
  }

  digest(path: string, tree: string, mode: NamedMode | undefined): string {
    const key = `${tree} ${mode?.text ?? ''} ${this.ignore.isEmpty ? '' : path}`;
    let digest = this.#digests.get(key);
    if (digest === undefined) {
      const hash = createHash('sha256');
      for (const line of this.lines(tree).all) {
        const child = join(path, line.name);
        if (!this.isVisible(child, line)) continue;
        const word = isDirectory(line)
          ? `directory ${this.digest(child, this.below(line), mode)}`
          : leafDigest(this.entry(child, line), mode);
        hash.update(`${JSON.stringify(line.name)} ${word}\n`);
      }
      digest = hash.digest('hex');
      this.#digests.set(key, digest);
    }
    return digest;
  }

  /** As a checkout with the umask 022 makes it. */
  entry(path: string, { kind, id }: TreeLine): TreeEntry {
    const owned = { path, uid: 0, gid: 0, size: 0, mtime: 0 };
    switch (kind) {
      case 'directory':
      case 'module':
        return { ...owned, type: 'directory', mode: 0o755 };
      case 'symlink':
        return { ...owned, type: 'symlink', mode: 0o777, link: nameOfBytes(this.objects.blob(id)) };
      case 'file':
      case 'executable':
        return { ...owned, type: 'file', mode: kind === 'file' ? 0o644 : 0o755, digest: id };
    }
  }

  #keep(id: string, lines: TreeLine[]): Lines {
    const all = [...lines].sort((a, b) => comparePaths(a.name, b.name));
    const made = { all, byName: new Map(all.map((line) => [line.name, line])) };
    this.#lines.set(id, made);
    return made;
  }

  #hasIncluded(path: string, tree: string): boolean {
    if (!this.ignore.mayContainIncluded(path)) return false;
    const key = `${tree} ${path}`;
    let known = this.#holdsIncluded.get(key);
    if (known === undefined) {
      known = this.lines(tree).all.some((line) => this.isVisible(join(path, line.name), line));
      this.#holdsIncluded.set(key, known);
    }
    return known;
  }

  /** The files of a submodule, as far as its repository is here; else one file stands for all. */
  #module(commit: string): string {
    const id = `${MADE}module ${commit}`;
    if (!this.#lines.has(id)) {
      const lines = this.objects.has(commit)
        ? [...this.objects.tree(this.objects.commit(commit).tree)]
        : [madeFile('(its files)', commit)];
      this.#keep(id, [...lines, madeFile('.git', 'constant')]);
    }
    return id;
  }

  #gitFolderOf(commit: string): string {
    const id = `${MADE}git ${commit}`;
    this.#keep(id, [
      madeFile('HEAD', 'constant'),
      madeFile('config', 'constant'),
      madeFile('index', commit),
      this.#folder(`${MADE}logs ${commit}`, 'logs', [madeFile('HEAD', commit)]),
      this.#folder(`${MADE}objects ${commit}`, 'objects', [madeFile(commit, commit)]),
      this.#folder(`${MADE}refs ${commit}`, 'refs', [madeFile('heads', commit)]),
    ]);
    return id;
  }

  #folder(id: string, name: string, lines: TreeLine[]): TreeLine {
    this.#keep(id, lines);
    return { name, kind: 'directory', id };
  }
}

function madeFile(name: string, content: string): TreeLine {
  return { name, kind: 'file', id: `${MADE}${content}` };
}

function isDirectory({ kind }: TreeLine): boolean {
  return kind === 'directory' || kind === 'module';
}

/**
 * The build context of a commit: what the build would see of a fresh checkout. Content is known by the names of git's
 * objects, which are equal where content is.
 */
export class CommitContext implements Context, DigestTree {
  readonly #root: string;
  readonly #trees = new Map<string, string | undefined>();

  constructor(
    private readonly contexts: CommitContexts,
    readonly commit: string,
    tree: string | undefined,
  ) {
    this.#root = contexts.root(commit, tree);
  }

  get label(): string {
    return `the build context at ${this.commit.slice(0, 10)}`;
  }

  get ignore(): IgnoreRules {
    return this.contexts.ignore;
  }

  get(path: string): TreeEntry | undefined {
    if (path === '') return this.contexts.entry('', { name: '', kind: 'directory', id: '' });
    const line = this.#line(path);
    return line !== undefined && this.contexts.isVisible(path, line)
      ? this.contexts.entry(path, line)
      : undefined;
  }

  children(path: string): string[] {
    const tree = this.#tree(path);
    if (tree === undefined) return [];
    const { all } = this.contexts.lines(tree);
    return all.filter((line) => this.contexts.isVisible(join(path, line.name), line)).map(({ name }) => name);
  }

  /** Names of git's objects are the digests. */
  async hash(): Promise<void> {}

  digest(path: string, mode?: NamedMode): string {
    const tree = this.#tree(path);
    if (tree !== undefined) return `directory ${this.contexts.digest(path, tree, mode)}`;
    const entry = this.get(path);
    return entry === undefined ? 'nothing' : leafDigest(entry, mode);
  }

  /**
   * The visible files that differ from another context, at and below some paths.
   *
   * @param most how many at most
   */
  changedSince(before: CommitContext, roots: readonly string[], most: number): string[] {
    const found = new Set<string>();
    const compare = (path: string): void => {
      if (found.size >= most || this.digest(path) === before.digest(path)) return;
      const names = new Set([...this.children(path), ...before.children(path)]);
      if (names.size === 0) found.add(path);
      for (const name of names) compare(join(path, name));
    };
    for (const root of roots) compare(root);
    return [...found].slice(0, most);
  }

  /** The tree of a visible directory. */
  #tree(path: string): string | undefined {
    if (path === '') return this.#root;
    if (!this.#trees.has(path)) {
      const line = this.#line(path);
      const isShown = line !== undefined && isDirectory(line) && this.contexts.isVisible(path, line);
      this.#trees.set(path, isShown ? this.contexts.below(line) : undefined);
    }
    return this.#trees.get(path);
  }

  #line(path: string): TreeLine | undefined {
    const tree = this.#tree(parentOf(path));
    return tree === undefined ? undefined : this.contexts.lines(tree).byName.get(nameOf(path));
  }
}
