import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** A repository that a script writes. Everything in it follows from the seed. */
export class GitHistory {
  #random: () => number;
  #time = 1_700_000_000;
  #count = 0;

  constructor(
    readonly folder: string,
    seed: number,
  ) {
    this.#random = randomOf(seed);
    mkdirSync(folder, { recursive: true });
    this.git('init', '-q', '-b', 'main');
  }

  git(...args: string[]): string {
    const date = `${this.#time} +0000`;
    const env = {
      PATH: process.env['PATH'],
      HOME: this.folder,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_DATE: date,
    };
    const config = ['user.name=t', 'user.email=t@t', 'gc.auto=0', 'protocol.file.allow=always'];
    const given = config.flatMap((one) => ['-c', one]);
    return execFileSync('git', [...given, '-C', this.folder, ...args], { env, encoding: 'utf8' }).trim();
  }

  write(files: Record<string, string>): void {
    for (const [path, content] of Object.entries(files)) {
      const file = join(this.folder, path);
      mkdirSync(dirname(file), { recursive: true });
      rmSync(file, { force: true, recursive: true });
      writeFileSync(file, content);
    }
  }

  commit(message = `change ${++this.#count}`): string {
    this.#time += 3600;
    this.git('add', '-A');
    this.git('commit', '-q', '--allow-empty', '-m', message);
    return this.git('rev-parse', 'HEAD');
  }

  /** Ids of the commits of a branch, oldest first, along first parents. */
  firstParents(): string[] {
    return this.git('rev-list', '--first-parent', '--reverse', 'HEAD').split('\n');
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }

  /** A whole number below another one. */
  below(most: number): number {
    return Math.floor(this.#random() * most);
  }

  /** Paths of tracked things, without those that a test needs to stay. */
  paths(kept: readonly string[]): string[] {
    const found: string[] = [];
    const walk = (at: string) => {
      for (const name of readdirSync(join(this.folder, at)).sort()) {
        const path = at === '' ? name : `${at}/${name}`;
        if (path === '.git' || kept.includes(path)) continue;
        if (lstatSync(join(this.folder, path)).isDirectory()) walk(path);
        else found.push(path);
      }
    };
    walk('');
    return found;
  }

  /** Changes something at random, as people do: adds, edits, deletes, renames, modes, links, reverts, merges. */
  change(places: readonly string[], kept: readonly string[]): void {
    const kind = this.below(100);
    const paths = this.paths(kept);
    const any = paths.length > 0 ? this.pick(paths) : undefined;
    const fresh = `${this.pick(places)}/${this.pick(['a', 'b', 'c'])}${this.below(6)}.${this.pick(['js', 'md', 'txt'])}`;
    if (kind < 30 || any === undefined) this.write({ [fresh]: `new ${this.below(4)}\n` });
    else if (kind < 50) this.write({ [any]: `text ${this.below(4)}\n` });
    else if (kind < 62) rmSync(join(this.folder, any), { force: true });
    else if (kind < 72) this.#rename(any, fresh);
    else if (kind < 80) this.#flip(any);
    else if (kind < 87) this.#link(fresh);
    else if (kind < 92) this.#revert();
    else this.#merge(fresh);
  }

  #rename(from: string, to: string): void {
    mkdirSync(dirname(join(this.folder, to)), { recursive: true });
    if (existsSync(join(this.folder, from))) renameSync(join(this.folder, from), join(this.folder, to));
  }

  #flip(path: string): void {
    const file = join(this.folder, path);
    const stat = lstatSync(file);
    if (stat.isFile()) chmodSync(file, (stat.mode & 0o100) === 0 ? 0o755 : 0o644);
  }

  #link(path: string): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    rmSync(file, { force: true });
    symlinkSync(this.pick(['a0.js', '../src', 'nowhere', '/etc']), file);
  }

  /** Puts the tree of an earlier commit back: branches that alternate. */
  #revert(): void {
    const commits = this.firstParents();
    if (commits.length < 4) return;
    const earlier = commits[commits.length - 2 - this.below(2)]!;
    this.git('read-tree', '-u', '--reset', earlier);
  }

  /** A side branch whose commits are no builds of main. */
  #merge(path: string): void {
    this.git('checkout', '-q', '-b', 'side');
    this.write({ [path]: `side ${this.below(3)}\n` });
    this.commit();
    this.git('checkout', '-q', 'main');
    this.#time += 60;
    this.git('merge', '-q', '--no-ff', '-m', 'merge', 'side');
    this.git('branch', '-q', '-D', 'side');
  }

  text(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8');
  }
}

/** mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
