import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, type BuildResult, build, type ImageResult } from '../../src/build/build.ts';
import { JettisonError } from '../../src/errors/error.ts';
import type { BuildEvent, StepOutcome } from '../../src/events/event.ts';
import type { Manifest, RuntimeConfig } from '../../src/image/types.ts';
import { removeTree } from '../../src/store/remove-tree.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { runCommandLine } from './command-line.ts';
import { findProgram } from './machine-network.ts';
import { makeBaseImage } from './sandbox.ts';
import { writeFiles } from './temp-dir.ts';

/** The built command. */
export const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

/** A build that went well, in the terms of tests. */
export interface Built extends Omit<BuildResult, keyof ImageResult>, ImageResult {
  events: BuildEvent[];
  /** By the step's title, of a step that stands in several stages the last one's. */
  outcomes: Record<string, StepOutcome>;
  /** Ids of the layers that the steps made, by title. */
  layers: Record<string, string>;
  /** Digests of the image's blobs, lowest layer first; none of an index or of files. */
  blobs: string[];
  /** All that commands printed. */
  output: string;
}

/** `rungs.json` of a store that is gone. */
let rungs: Buffer | undefined;

/** A context, a store with an image called `base`, and builds of the one in the other. */
export class TestBuilds {
  readonly context: string;
  readonly home: string;
  readonly store: Store;

  private constructor(
    readonly folder: string,
    private readonly network: BuildOptions['network'],
  ) {
    this.context = join(folder, 'context');
    this.home = join(folder, 'store');
    mkdirSync(this.context);
    this.store = openStore({ home: this.home });
  }

  /**
   * @param config of the base image; without it the store is empty
   * @param network of RUN by default; making one for each takes a third of its time, which `host` spares
   */
  static async create(
    config?: RuntimeConfig,
    { network }: Pick<BuildOptions, 'network'> = {},
  ): Promise<TestBuilds> {
    const builds = new TestBuilds(mkdtempSync(join(tmpdir(), 'jettison-builds-')), network);
    if (config !== undefined) await builds.addBase('base', config);
    // What works on this machine has been tried by builds before. They try again where it is another one.
    if (config !== undefined && rungs !== undefined) writeFileSync(builds.store.layout.rungs, rungs);
    return builds;
  }

  async addBase(name: string, config: RuntimeConfig = {}): Promise<void> {
    await makeBaseImage({ home: this.home, store: this.store, remove: () => {} }, name, config);
    this.store.close();
  }

  /** Writes files of the context, by path. */
  write(files: Record<string, string | Uint8Array>): void {
    writeFiles(this.context, files);
  }

  /** Builds in this process (with a worker of its own). */
  async build(dockerfile: string, options: Partial<BuildOptions> = {}): Promise<Built> {
    const events: BuildEvent[] = [];
    const titles = new Map<string, string>();
    const built = { outcomes: {} as Record<string, StepOutcome>, layers: {} as Record<string, string> };
    let output = '';
    const result = (await build({
      context: this.context,
      file: '-',
      stdin: once(dockerfile),
      home: this.home,
      env: { PATH: process.env['PATH'] },
      ...(this.network !== undefined && { network: this.network }),
      onEvent: (event) => {
        // What a machine lacks is not what a build is about.
        if (event.type === 'warning' && event.code === 'NetworkShared') return;
        events.push(event);
        if (event.type === 'build.planned') for (const { id, title } of event.steps) titles.set(id, title);
        if (event.type === 'step.output') output += event.text;
        if (event.type === 'step.finished') {
          const title = titles.get(event.step)!;
          built.outcomes[title] = event.outcome;
          if (event.layer !== undefined) built.layers[title] = event.layer;
        }
      },
      ...options,
    })) as BuildResult & ImageResult;
    const manifest =
      result.digest === undefined ? undefined : this.store.blobs.readJson<Partial<Manifest>>(result.digest);
    const blobs = (manifest?.layers ?? []).map(({ digest }) => digest);
    return { ...result, ...built, events, blobs, output };
  }

  /** The error that a build ends with. @throws when it does not, or when it is a bug */
  async failure(dockerfile: string, options: Partial<BuildOptions> = {}): Promise<JettisonError> {
    try {
      await this.build(dockerfile, options);
    } catch (error) {
      if (error instanceof JettisonError) return error;
      throw error;
    }
    throw new Error('the build did not fail');
  }

  /** Starts the command in a process group of its own. */
  start(args: readonly string[], options: StartOptions = {}): ChildProcess {
    return startCommand(args, { home: this.home, cwd: this.folder, ...options });
  }

  /** Runs the command to its end, as a process. */
  run(args: readonly string[], options: StartOptions & { stdin?: string } = {}): Promise<Ended> {
    const child = this.start(args, options);
    child.stdin?.end(options.stdin);
    return ended(child);
  }

  /** Runs the command to its end in this process. */
  command(
    args: readonly string[],
    { home = this.home, cwd = this.folder, env, stdin }: CommandOptions = {},
  ): Promise<Ended> {
    const variables = { PATH: process.env['PATH'], HOME: cwd, JETTISON_HOME: home, ...env };
    return runCommandLine(args, { env: variables, cwd, ...(stdin !== undefined && { stdin }) });
  }

  /** What is in the temporary folders of all processes of the store. */
  temporaries(): string[] {
    return readdirSync(this.store.layout.temporary);
  }

  /** The list of images for other programs. */
  indexJson(): string {
    return readFileSync(this.store.layout.index, 'utf8');
  }

  remove(): void {
    const { rungs: path } = this.store.layout;
    if (rungs === undefined && existsSync(path)) rungs = readFileSync(path);
    removeTree(this.folder);
  }
}

type CommandOptions = Pick<StartOptions, 'home' | 'cwd' | 'env'> & { stdin?: string };

export interface StartOptions {
  home?: string;
  cwd?: string;
  env?: Record<string, string>;
  /** Run as this user. */
  ids?: { uid: number; gid: number };
  /** Path of the command; default: this repository's. */
  cli?: string;
  /** A program with its arguments that starts the command. */
  before?: readonly string[];
}

/** Starts the command, with nothing of this process's environment but the PATH. */
export function startCommand(args: readonly string[], options: StartOptions): ChildProcess {
  const { home, cwd = tmpdir(), env, ids, cli = CLI, before = [] } = options;
  const [program, ...rest] = [...before, process.execPath, cli, ...args] as [string, ...string[]];
  return spawn(program, rest, {
    cwd,
    detached: true,
    env: { PATH: process.env['PATH'], HOME: cwd, ...(home && { JETTISON_HOME: home }), ...env },
    ...ids,
  });
}

/** An ordinary user of this machine with ranges of ids, or the reason why a test cannot act as one. */
export function otherUser(): { uid: number; gid: number } | string {
  if (process.getuid?.() !== 0) return 'only root can act as another user';
  if (findProgram('newuidmap') === undefined) return 'newuidmap is not installed';
  const ranges = existsSync('/etc/subuid') ? readFileSync('/etc/subuid', 'utf8') : '';
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (Number(uid) > 0 && new RegExp(`^${name}:\\d+:\\d+$`, 'm').test(ranges)) {
      return { uid: Number(uid), gid: Number(gid) };
    }
  }
  return 'no ordinary user has a range of ids in /etc/subuid';
}

/** Waits until a process and its output have ended. */
export function ended(child: ChildProcess): Promise<Ended> {
  const text = { out: '', err: '' };
  child.stdin?.on('error', () => {});
  child.stdout?.on('data', (data) => {
    text.out += data;
  });
  child.stderr?.on('data', (data) => {
    text.err += data;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, ...text }));
  });
}

/**
 * Whatever of a store's builds is still there: processes that have its path in their command line or working
 * directory or that have the marker in their environment, and mounts of all mount namespaces.
 */
export function remains(home: string, marker: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    const read = (file: string) => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, 'latin1');
      } catch {
        return '';
      }
    };
    const command = read('cmdline').replaceAll('\0', ' ');
    if (command.includes(home)) found.push(`process ${pid}: ${command}`);
    else if (read('environ').includes(marker)) found.push(`process ${pid} of a RUN: ${command}`);
    const mount = read('mountinfo')
      .split('\n')
      .find((line) => line.includes(home));
    if (mount !== undefined) found.push(`mount in ${pid} (${command}): ${mount}`);
  }
  return found;
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}
