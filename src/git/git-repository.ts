import { relative, sep } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { findPlace, inside, isRefName, type Place, References, text } from './git-references.ts';
import type { Commit, HashName } from './object.ts';
import { GitObjects } from './objects.ts';
import type { RepositoryFiles } from './repository-files.ts';

/** Maximum number of object folders, with those of `info/alternates`. */
const MOST_ALTERNATES = 64;
const MOST_LINKS = 10;
const MOST_FOLDERS = 2000;

/** A git repository, read without git. */
export class Repository {
  readonly objects: GitObjects;
  readonly #shallow: ReadonlySet<string>;
  readonly #references: References;

  private constructor(
    private readonly files: RepositoryFiles,
    private readonly place: Place,
    hash: HashName,
  ) {
    this.objects = new GitObjects(files, objectFolders(files, place), hash);
    this.#references = new References(files, place);
    this.#shallow = new Set(text(files, `${place.common}/shallow`)?.split('\n'));
  }

  /**
   * The repository that a directory belongs to.
   *
   * @param directory absolute real path
   * @throws JettisonError `GIT_MISSING`, `GIT_UNSUPPORTED`
   */
  static of(files: RepositoryFiles, directory: string, label: string): Repository {
    const place = findPlace(files, directory);
    if (place === undefined) {
      throw new JettisonError('GIT_MISSING', `"${label}" is not in a git repository`, {
        hint: 'Give a directory with a history, or begin one with `git init`.',
      });
    }
    return new Repository(files, place, readConfig(files, place));
  }

  get worktree(): string {
    return this.place.worktree;
  }

  /** Whether it is a shallow clone, without the oldest commits. */
  get isShallow(): boolean {
    return this.#shallow.size > 0;
  }

  /** Path of a directory, relative to the working tree; empty for its root. */
  pathOf(directory: string): string {
    return relative(this.place.worktree, directory).split(sep).join('/');
  }

  /**
   * @param name a branch, a tag, a remote's branch, `HEAD`, or a commit
   * @throws JettisonError `GIT_REVISION`
   */
  resolve(name: string): { commit: string; branch?: string } {
    if (name === 'HEAD') {
      const { id, ref } = this.#references.follow('HEAD');
      if (id === undefined) {
        throw new JettisonError('GIT_REVISION', 'the git repository has no commits yet', {
          hint: 'There is no history to forecast from: commit something first.',
        });
      }
      const branch = ref?.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : undefined;
      return { commit: this.objects.peel(id), ...(branch === undefined ? {} : { branch }) };
    }
    for (const ref of [
      name,
      `refs/${name}`,
      `refs/heads/${name}`,
      `refs/tags/${name}`,
      `refs/remotes/${name}`,
    ]) {
      if (!ref.startsWith('refs/') || !isRefName(ref)) continue;
      const { id } = this.#references.follow(ref);
      if (id !== undefined) return { commit: this.objects.peel(id), branch: name };
    }
    if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name) && this.objects.has(name)) {
      return { commit: this.objects.peel(name) };
    }
    throw new JettisonError('GIT_REVISION', `the git repository has no branch "${name}"`, {
      hint: this.#branchHint(),
    });
  }

  /**
   * A commit and its first parents, newest first.
   *
   * @param most maximum number of commits
   */
  *firstParents(commit: string, most = Number.POSITIVE_INFINITY): Generator<Commit> {
    let next: string | undefined = commit;
    for (let count = 0; next !== undefined && count < most; count++) {
      const found: Commit = this.objects.commit(next);
      yield found;
      next = this.#shallow.has(found.id) ? undefined : found.parents[0];
    }
  }

  #branchHint(): string {
    const loose = this.files.names(`${this.place.common}/refs/heads`);
    const packed = [...this.#references.packed().keys()].flatMap((name) =>
      name.startsWith('refs/heads/') ? [name.slice('refs/heads/'.length)] : [],
    );
    const branches = [...new Set([...loose, ...packed])].sort().slice(0, 8);
    return branches.length === 0
      ? 'It has no branches: leave out --branch to use HEAD.'
      : `There is ${branches.join(', ')}.`;
  }
}

/** The `objects` folders, with those of submodules (whose trees are part of a checkout) and of alternates. */
function objectFolders(files: RepositoryFiles, { folder, common }: Place): string[] {
  const found = new Set<string>([`${common}/objects`]);
  let looked = 0;
  const modules = (at: string, depth: number) => {
    for (const name of files.names(at)) {
      // Symlinks could form a cycle.
      if (++looked > MOST_FOLDERS) return;
      const module = `${at}/${name}`;
      if (files.isDirectory(`${module}/objects`)) {
        found.add(`${module}/objects`);
        if (depth < MOST_LINKS) modules(`${module}/modules`, depth + 1);
      } else if (depth < MOST_LINKS && files.isDirectory(module)) modules(module, depth + 1);
    }
  };
  for (const at of new Set([folder, common])) modules(`${at}/modules`, 0);
  // The iteration includes folders that are added during it.
  for (const objects of found) {
    if (found.size > MOST_ALTERNATES) break;
    for (const line of text(files, `${objects}/info/alternates`)?.split('\n') ?? []) {
      if (line !== '' && !line.startsWith('#')) found.add(inside(objects, line));
    }
  }
  return [...found];
}

/** Reads the hash of a repository from its config. @throws JettisonError `GIT_UNSUPPORTED` */
function readConfig(files: RepositoryFiles, { common }: Place): HashName {
  const config = text(files, `${common}/config`) ?? '';
  const extensions = config.split(/^\s*(?=\[)/m).filter((section) => /^\[\s*extensions\s*\]/i.test(section));
  const settingOf = (name: string) =>
    new RegExp(`^\\s*${name}\\s*=\\s*"?([^"\\s;#]+)`, 'im').exec(extensions.join('\n'))?.[1]?.toLowerCase();
  const storage = settingOf('refstorage') ?? 'files';
  const hash = settingOf('objectformat') ?? 'sha1';
  if (storage !== 'files' || (hash !== 'sha1' && hash !== 'sha256')) {
    throw new JettisonError('GIT_UNSUPPORTED', 'unsupported format of the git repository', {
      hint: `Its config has ${storage === 'files' ? `objectformat = ${hash}` : `refstorage = ${storage}`}: make a clone without it.`,
    });
  }
  return hash;
}
