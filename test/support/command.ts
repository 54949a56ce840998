import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { removeTree } from '../../src/store/remove-tree.ts';
import {
  type Ended,
  ended,
  otherUser,
  remains,
  type StartOptions,
  startCommand,
  TestBuilds,
} from './build.ts';
import { copyCommand, eventually, whyNoSandbox } from './sandbox.ts';
import { tempDir, writeFiles } from './temp-dir.ts';

/** Who runs the command in tests that both have to pass. */
export const USERS = ['root', 'an ordinary user'] as const;
export type TestUser = (typeof USERS)[number];

export interface TestCommandOptions {
  /** Bytes of a file system of the store's own, which only this command sees. */
  storeSize?: number;
  /** A shell script of root's that changes mounts and the network, for this command only. */
  machine?: string;
  /** Whether the store has an image called `node`, too. */
  node?: boolean;
}

/** A folder with the command, and the stores that those of users are copies of: one for all commands of a file. */
let shared: string | undefined;

function sharedFolder(): string {
  if (shared === undefined || !existsSync(shared)) {
    shared = tempDir();
    chmodSync(shared, 0o755);
    copyCommand(join(shared, 'command'));
  }
  return shared;
}

/** A store with the images that every user's store begins with. */
async function storeWith(node: boolean): Promise<string> {
  const home = join(sharedFolder(), node ? 'store-with-node' : 'store');
  if (existsSync(home)) return home;
  const builds = await TestBuilds.create({});
  try {
    if (node)
      expect(await builds.command(['base', 'host', '--slim', '-t', 'node'])).toMatchObject({ code: 0 });
    // What works for users they find out themselves.
    rmSync(builds.store.layout.rungs, { force: true });
    execFileSync('cp', ['-a', builds.home, home]);
  } finally {
    builds.remove();
  }
  return home;
}

/** The built command as one user runs it, with a store of that user's, an image called `base`, and a context. */
export class TestCommand {
  readonly context: string;
  readonly home: string;
  readonly #before: string[] = [];
  #holder: ChildProcess | undefined;

  private constructor(
    /** The user's own folder; everything is in it. */
    readonly folder: string,
    private readonly cli: string,
    private readonly ids: { uid: number; gid: number } | undefined,
  ) {
    this.context = join(folder, 'context');
    this.home = join(folder, 'disk', 'store');
  }

  /** @returns a reason, where the command cannot be run as that user */
  static async open(user: TestUser, options: TestCommandOptions = {}): Promise<TestCommand | string> {
    const isRoot = process.getuid?.() === 0;
    const ids = user === 'root' || !isRoot ? undefined : otherUser();
    const why =
      whyNoSandbox() ??
      (user === 'root' && !isRoot ? 'only root can act as root' : undefined) ??
      ((options.storeSize !== undefined || options.machine !== undefined) && !isRoot
        ? 'only root can change the machine for a test'
        : undefined);
    if (why !== undefined) return why;
    if (typeof ids === 'string') return ids;

    const top = mkdtempSync(join(tmpdir(), 'jettison-command-'));
    chmodSync(top, 0o755);
    const folder = join(top, 'theirs');
    const cli = join(sharedFolder(), 'command', 'dist', 'cli.js');
    const test = new TestCommand(folder, cli, ids);
    for (const path of [folder, test.context, dirname(test.home)]) {
      mkdirSync(path);
      if (ids !== undefined) chownSync(path, ids.uid, ids.gid);
    }
    const store = await storeWith(options.node ?? false);
    if (options.storeSize !== undefined || options.machine !== undefined) await test.#changeMachine(options);
    test.#putStore(store);
    return test;
  }

  /**
   * Makes the store anew, as it was when the command was opened, but for what is known of the machine, which takes a
   * while to find out. No command may be running.
   */
  async renewStore({ node = false }: Pick<TestCommandOptions, 'node'> = {}): Promise<void> {
    const home = this.seen(this.home);
    const [rungs, kept] = [join(home, 'rungs.json'), join(dirname(home), 'rungs.json')];
    if (existsSync(rungs)) renameSync(rungs, kept);
    removeTree(home);
    this.#putStore(await storeWith(node));
    if (existsSync(kept)) renameSync(kept, rungs);
  }

  #putStore(store: string): void {
    const home = this.seen(this.home);
    execFileSync('cp', ['-a', store, home]);
    if (this.ids !== undefined) execFileSync('chown', ['-R', `${this.ids.uid}:${this.ids.gid}`, home]);
  }

  get uid(): number {
    return this.ids?.uid ?? process.getuid?.() ?? 0;
  }

  /** Writes files of the context, by path. */
  write(files: Record<string, string | Buffer>): void {
    writeFiles(this.context, files);
  }

  /** Lets everybody do everything with a folder. */
  chmod(folder: string): void {
    execFileSync('chmod', ['-R', 'a+rwX', folder]);
  }

  start(args: readonly string[], options: StartOptions = {}): ChildProcess {
    const { home, folder: cwd, cli } = this;
    const { ids } = this;
    return startCommand(args, {
      home,
      cwd,
      cli,
      before: this.#before,
      ...(ids && this.#holder === undefined && { ids }),
      ...options,
    });
  }

  /** Runs the command to its end. */
  run(args: readonly string[], options: StartOptions & { stdin?: string } = {}): Promise<Ended> {
    const child = this.start(args, options);
    child.stdin?.end(options.stdin);
    return ended(child);
  }

  /** Builds the context with a Dockerfile, as plain lines. */
  build(dockerfile: string, ...args: string[]): Promise<Ended> {
    this.write({ Dockerfile: dockerfile });
    return this.run(['build', '--progress=plain', ...args, this.context]);
  }

  /** The folder of the user's files as this process sees them, also on the file system of their own. */
  seen(path: string): string {
    return this.#holder === undefined ? path : `/proc/${this.#holder.pid}/root${path}`;
  }

  /** What is left of commands: processes, mounts and temporary files. @param marker in a RUN's environment */
  left(marker: string): string[] {
    const temporary = this.seen(join(this.home, 'tmp'));
    const files = readdirSync(temporary).map((name) => `folder tmp/${name}`);
    return [...remains(this.home, marker), ...files];
  }

  remove(): void {
    this.#holder?.kill('SIGKILL');
    removeTree(dirname(this.folder));
  }

  /** Runs something on the changed machine, as root. */
  inside(command: readonly string[]): ChildProcess {
    const [program, ...args] = [...this.#enter(), ...command] as [string, ...string[]];
    return spawn(program, args);
  }

  /** Whether something listens on a TCP port of the machine that the command sees. */
  listens(port: number): boolean {
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    const listening = new RegExp(`^ *\\d+: [0-9A-F]+:${hex} \\S+ 0A `, 'm');
    return ['tcp', 'tcp6'].some((name) =>
      listening.test(readFileSync(`/proc/${this.#holder!.pid}/net/${name}`, 'utf8')),
    );
  }

  #enter(): string[] {
    const namespaces = `/proc/${this.#holder!.pid}/ns`;
    return ['nsenter', `--mount=${namespaces}/mnt`, `--net=${namespaces}/net`];
  }

  /** Makes namespaces that a process keeps, and changes what is in them; the command is run there. */
  async #changeMachine({ storeSize, machine }: TestCommandOptions): Promise<void> {
    const disk = dirname(this.home);
    const { uid, gid } = this.ids ?? { uid: 0, gid: 0 };
    const tmpfs = `mount -t tmpfs -o size=${storeSize},uid=${uid},gid=${gid} none ${disk}`;
    const script = [
      'set -e',
      ...(storeSize === undefined ? [] : [tmpfs]),
      machine,
      'echo changed',
      'exec sleep 100000',
    ];
    const flags = ['--mount', ...(machine === undefined ? [] : ['--net'])];
    const holder = spawn('unshare', [...flags, 'sh', '-c', script.join('\n')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#holder = holder;
    let said = '';
    holder.stdout!.on('data', (data) => {
      said += data;
    });
    await eventually('the machine is changed', () => said.includes('changed'));
    this.#before.push(...this.#enter(), `--setuid=${uid}`, `--setgid=${gid}`);
  }
}
