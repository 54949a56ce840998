import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { TestRunner } from 'vitest';
import { JettisonError } from '../../src/errors/error.ts';
import { startWorker, type WorkerOptions } from '../../src/host/client.ts';
import { sha256 } from '../../src/image/digest.ts';
import { MEDIA, type RuntimeConfig } from '../../src/image/types.ts';
import type { Entry } from '../../src/layer/entry.ts';
import { LayerIndex } from '../../src/layer/layer-index.ts';
import type { ExecRequest, ExecResult, LayerIdentity } from '../../src/protocol/exec-request.ts';
import type { Worker } from '../../src/protocol/operations.ts';
import { layerId } from '../../src/store/layers.ts';
import { makeImage, makeStore, makeTar, type TestStore } from './images.ts';

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));
const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const NODE_MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url));

const PASSWD = [
  'root:x:0:0:root:/root:/bin/sh',
  'node:x:1000:1000::/home/node:/bin/sh',
  'odd:x:1001:44::/odd:/bin/sh',
].join('\n');
const GROUP = ['root:x:0:', 'node:x:1000:', 'video:x:44:root,node', 'games:x:60:node,odd', ''].join('\n');

/** Why no command can be run here; undefined if one can. */
export function whyNoSandbox(): string | undefined {
  if (process.platform !== 'linux') return 'commands run on Linux only';
  if (BUSYBOX === undefined) return 'busybox is not installed';
  if (!existsSync(join(DIST, 'worker.js'))) return 'dist/worker.js is not built';
  return undefined;
}

/** The tar of a small base, and the tar compressed; both are made once. */
interface Base {
  tar: Buffer;
  gzipped: Buffer;
}
let made: Base | undefined;

function base(): Base {
  if (made === undefined) {
    const tar = baseTar();
    made = { tar, gzipped: gzipSync(tar, { level: 1 }) };
  }
  return made;
}

/** Busybox with all of its names, accounts, and directories of several owners. */
function baseTar(): Buffer {
  // Within a test; hooks ask `whyNoSandbox` before.
  if (BUSYBOX === undefined) TestRunner.getCurrentTest()?.context.skip('busybox is not installed');
  const directory = (path: string, more: Partial<Entry> = {}): [Partial<Entry>] => [
    { path, type: 'directory', mode: 0o755, ...more },
  ];
  const names = execFileSync(BUSYBOX!, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  return makeTar([
    directory('bin'),
    [{ path: 'bin/busybox', mode: 0o755 }, readFileSync(BUSYBOX!)],
    ...names
      .filter((name) => name !== 'busybox')
      .map((name): [Partial<Entry>] => [
        { path: `bin/${name}`, type: 'symlink', mode: 0o777, link: 'busybox' },
      ]),
    directory('etc'),
    ['etc/passwd', PASSWD],
    ['etc/group', GROUP],
    directory('home'),
    directory('home/node', { uid: 1000, gid: 1000 }),
    directory('tmp', { mode: 0o1777 }),
    directory('usr'),
    ['usr/a', 'a'],
    ['usr/b', 'b'],
  ]);
}

/** A layer's identity by a name that means something to the test. */
export function identity(name: string, kind: LayerIdentity['kind'] = 'run'): LayerIdentity {
  const key = sha256(name);
  return { id: layerId(key), key, kind };
}

export interface Ran extends ExecResult {
  stdout: string;
  stderr: string;
}

export type RunOptions = Partial<Omit<ExecRequest, 'process' | 'commit'>> &
  Partial<ExecRequest['process']> & {
    commit?: string;
    signal?: AbortSignal;
    onText?: (text: string) => void;
  };

/** A store with a worker and the base as a layer, and a short way of running things on it. */
export class TestSandbox {
  private constructor(
    readonly test: TestStore,
    readonly worker: Worker,
    readonly base: string,
  ) {}

  /** @throws JettisonError `NO_NAMESPACES`, `RUNG_UNUSABLE`: use `openSandbox` */
  static async open(options: Partial<WorkerOptions> = {}): Promise<TestSandbox> {
    const test = makeStore();
    const worker = await startWorker({ home: test.home, ...options });
    const sandbox = new TestSandbox(test, worker, identity('base', 'image').id);
    await sandbox.addLayer('base', base().tar);
    return sandbox;
  }

  get home(): string {
    return this.test.home;
  }

  /** A layer in its directory form. @returns its id */
  async addLayer(name: string, tar: Buffer): Promise<string> {
    const { digest } = this.test.store.blobs.write(tar);
    const layer = identity(name, 'image');
    const path = this.test.store.blobs.path(digest);
    await this.worker.unpack({ layer, path, whiteouts: true, directory: true });
    return layer.id;
  }

  /** @param command a shell command, or arguments */
  async run(command: string | string[], options: RunOptions = {}): Promise<Ran> {
    const { signal, onText, commit, env = [], cwd = '/', user = '', stdin, args: _, ...rest } = options;
    const output = { stdout: '', stderr: '' };
    const result = await this.worker.exec(
      {
        layers: [this.base],
        mounts: [],
        network: 'host',
        ...rest,
        process: {
          args: typeof command === 'string' ? ['/bin/sh', '-c', command] : command,
          env: ['PATH=/bin', ...env],
          cwd,
          user,
          ...(stdin === undefined ? {} : { stdin }),
        },
        ...(commit === undefined ? {} : { commit: identity(commit) }),
      },
      {
        ...(signal === undefined ? {} : { signal }),
        onOutput: ({ stream, data }) => {
          output[stream] += Buffer.from(data).toString();
          onText?.(Buffer.from(data).toString());
        },
      },
    );
    return { ...result, ...output };
  }

  /** Standard output of a command that must succeed. */
  async text(command: string | string[], options: RunOptions = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(command, options);
    if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr}`);
    return stdout.trimEnd();
  }

  /** Paths of a layer, with `-` before those that are whiteouts. */
  paths(layer: string): string[] {
    const index = LayerIndex.parse(readFileSync(this.test.store.layout.layerIndex(layer)));
    return [...index.entries()].map(({ path, type }) => (type === 'whiteout' ? `-${path}` : path));
  }

  /** What is in the temporary folders of all processes of the store. */
  temporaries(): string[] {
    const { temporary } = this.test.store.layout;
    return readdirSync(temporary).flatMap((name) => readdirSync(join(temporary, name)));
  }

  async close(): Promise<void> {
    await this.worker.close();
    await this.remove();
  }

  /** Deletes the store, whatever has become of the worker. */
  async remove(): Promise<void> {
    const { layers, temporary } = this.test.store.layout;
    if (process.getuid?.() !== 0) {
      // Some files belong to ids that only a worker can act for.
      const worker = await startWorker({ home: this.home });
      await worker.remove({
        paths: [layers, temporary].flatMap((folder) => readdirSync(folder).map((name) => join(folder, name))),
      });
      await worker.close();
    }
    this.test.remove();
  }
}

/** A sandbox, or the reason why there can be none here. */
export async function openSandbox(options: Partial<WorkerOptions> = {}): Promise<TestSandbox | string> {
  const why = whyNoSandbox();
  if (why !== undefined) return why;
  try {
    const sandbox = await TestSandbox.open(options);
    const { unable } = sandbox.worker;
    if (unable === undefined) return sandbox;
    await sandbox.close();
    return unable.message;
  } catch (error) {
    if (error instanceof JettisonError && /^(NO_NAMESPACES|RUNG_UNUSABLE|TOOL_MISSING)$/.test(error.code))
      return error.message;
    throw error;
  }
}

/** The ways of running commands that tests compare, by name; `openSandbox` says which are not to be had here. */
export const WORKER_MODES: { name: string; options: Partial<WorkerOptions> }[] = [
  { name: 'namespaces', options: { rung: 'namespaces' } },
  ...(['crun', 'runc'] as const).map((runtime) => ({
    name: runtime,
    options: { rung: 'oci' as const, runtime },
  })),
];

/** An image of the base in a store. */
export async function makeBaseImage(
  test: TestStore,
  name: string,
  config: RuntimeConfig = {},
): Promise<void> {
  const { tar, gzipped } = base();
  const blob = { mediaType: MEDIA.ociLayerGzip, ...test.store.blobs.write(gzipped) };
  await makeImage(test.store, {
    name,
    layers: [{ diffId: sha256(tar), blob }],
    config: { config: { Env: ['PATH=/bin'], ...config } },
  });
}

/** The folder of the copy of the command that was made last. */
let copied: string | undefined;

/**
 * Copies the built command and what it needs to a folder that every user can read. Copies share their files while
 * one of them is there: a file must be replaced to be changed.
 *
 * @returns path of cli.js
 */
export function copyCommand(folder: string): string {
  if (copied !== undefined && existsSync(join(copied, 'package.json'))) {
    mkdirSync(folder, { recursive: true });
    const parts = ['dist', 'node_modules', 'package.json'].map((name) => join(copied!, name));
    execFileSync('cp', ['-rl', ...parts, folder]);
  } else {
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    cpSync(DIST, join(folder, 'dist'), { recursive: true });
    cpSync(join(NODE_MODULES, '@koromix'), join(folder, 'node_modules', '@koromix'), { recursive: true });
    copyFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), join(folder, 'package.json'));
    execFileSync('chmod', ['-R', 'a+rX', folder]);
    copied = folder;
  }
  chmodSync(folder, 0o755);
  return join(folder, 'dist', 'cli.js');
}

/** A word that no other process has in its command line. */
export function marker(): string {
  return `9${BigInt(`0x${createHash('sha256').update(String(Math.random())).digest('hex').slice(0, 10)}`)}`;
}

/** Processes that have a text in their command line or their working directory. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text) ||
          readlinkSync(`/proc/${pid}/cwd`).includes(text)
        );
      } catch {
        return false;
      }
    });
}

/** Direct children of a process. */
export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

/** Looks again and again until it is so. @throws when it never is */
export async function eventually(what: string, isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 3000; i++) {
    if (isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`it never happened: ${what}`);
}
