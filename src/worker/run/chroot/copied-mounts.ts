import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { Server } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { JettisonError } from '../../../errors/error.ts';
import { DEVICE_NUMBERS } from '../../../launch/devices.ts';
import { badTarget, MountPoints, type PointKind, withKernelDirectories } from '../../../launch/rootfs.ts';
import { parentOf } from '../../../layer/entry.ts';
import { MergedTree } from '../../../layer/merged-tree.ts';
import { diskPath } from '../../../layer/names.ts';
import { readRecipe } from '../../../layer/recipe.ts';
import { below, type Tree } from '../../../layer/tree.ts';
import type { CacheExecMount, ExecMount, ExecRequest } from '../../../protocol/exec-request.ts';
import { restoreTimes } from '../../layers/disk-copy.ts';
import { makeTree } from '../../layers/materialise.ts';
import type { Locks } from '../../lock.ts';
import { mknod, S_IF, setTimes } from '../../native.ts';
import type { WorkerContext } from '../../worker-context.ts';
import { indexOf } from '../../worker-context.ts';
import { serveAgent } from '../agent.ts';
import { hostsFile } from '../run-folder.ts';
import { CopiedCaches } from './copied-caches.ts';
import { type Inode, inodeOf, isInode, namesIn, type Snapshot, statOf } from './snapshot.ts';

/** A file or directory that is in the tree only during the run. */
interface Placed {
  /** Its path, relative to the root. */
  path: string;
  inode: Inode;
  /** Its present absolute path. */
  at: string;
}

/** Files of /proc that describe the machine and are the same for every process. */
const KERNEL_FILES = ['cpuinfo', 'filesystems', 'loadavg', 'meminfo', 'stat', 'uptime', 'version'];

/** `f_type` of tmpfs and ramfs in statfs(2). */
const MEMORY = [0x01021994, 0x858458f6];

/**
 * Files and directories that are copied into a root where other rungs mount them. Entries of the image at these paths
 * are set aside during the run, and parent directories keep their times.
 */
export class CopiedMounts {
  /** Requested settings that are not in effect, for people. */
  readonly problems: string[] = [];
  readonly #placed: Placed[] = [];
  readonly #agents: Server[] = [];
  readonly #caches: CopiedCaches;
  #serial = 0;

  readonly #ctx: WorkerContext;
  readonly #folder: string;
  readonly #root: string;

  /**
   * @param folder absolute path of the run's folder
   * @param root absolute path of the tree, in there
   */
  constructor(ctx: WorkerContext, locks: Locks, folder: string, root: string) {
    this.#ctx = ctx;
    this.#folder = folder;
    this.#root = root;
    this.#caches = new CopiedCaches(ctx, locks);
  }

  /** Paths, relative to the root, that are not changes of the command. */
  get paths(): Set<string> {
    return new Set(this.#placed.map(({ path }) => path));
  }

  /**
   * @param tree the merged view of the image
   * @throws JettisonError `MOUNT_TARGET`, `MOUNT_SOURCE`, `CHROOT_SECRET`
   */
  async place(request: ExecRequest, tree: Tree, signal: AbortSignal): Promise<void> {
    const points = new MountPoints(withKernelDirectories(tree));
    const add = (target: string, kind: PointKind, region: 'kernel' | 'dev' | 'bind') =>
      points.add(target, kind, region);
    for (const name of ['proc', 'sys', 'dev']) this.#setAside(name);
    await this.#put(add('/proc', 'directory', 'kernel'), 'directory', writeKernelFiles);
    await this.#put(add('/sys', 'directory', 'kernel'), 'directory', (path) =>
      mkdirSync(path, { mode: 0o555 }),
    );
    await this.#put(add('/dev', 'directory', 'dev'), 'directory', writeDevices);
    const nameServers = existsSync('/etc/resolv.conf') ? readFileSync('/etc/resolv.conf') : '';
    for (const [target, text] of [
      ['/etc/hosts', hostsFile(request.hostname ?? hostname(), request.hosts ?? [])],
      ['/etc/resolv.conf', nameServers],
    ] as const) {
      await this.#put(add(target, 'file', 'bind'), 'file', (path) => writeFileSync(path, text));
    }
    const caches = new Map<number, CacheExecMount>();
    for (const [number, mount] of request.mounts.entries())
      if (mount.type === 'cache') caches.set(number, mount);
    await this.#caches.open(caches, signal);
    const byTarget = [...request.mounts.entries()].sort(([, a], [, b]) =>
      a.target < b.target ? -1 : a.target > b.target ? 1 : 0,
    );
    for (const [number, mount] of byTarget) {
      signal.throwIfAborted();
      await this.#mount(number, mount, points);
    }
  }

  /**
   * Removes placed files that the comparison with the snapshot would take for changes of the command: moved ones, and
   * those in directories that are no longer the image's.
   */
  evict(before: Snapshot): void {
    const displaced: Placed[] = [];
    for (const placed of this.#placed.toReversed()) {
      const disk = join(this.#root, placed.path);
      const stat = lookAt(disk);
      if (stat === undefined || !isInode(placed.inode, stat)) displaced.push(placed);
      else if (!this.#isReached(placed.path, before)) this.#takeAway(placed, disk);
    }
    if (displaced.length > 0) this.#find('', displaced, before);
  }

  /** Removes what was placed, and updates the caches. @param ran whether the command has run */
  close(ran: boolean): void {
    for (const server of this.#agents) server.close();
    this.#caches.close(ran ? (number) => this.#whereabouts(number) : () => undefined);
  }

  readonly #cachePlaces = new Map<number, Placed>();

  #whereabouts(number: number): string | undefined {
    const placed = this.#cachePlaces.get(number);
    const stat = placed && lookAt(placed.at);
    return stat !== undefined && isInode(placed!.inode, stat) ? placed!.at : undefined;
  }

  async #mount(number: number, mount: ExecMount, points: MountPoints): Promise<void> {
    const { target } = mount;
    switch (mount.type) {
      case 'secret': {
        if (mount.public !== true) this.#needMemory(target);
        await this.#put(points.add(target, 'file', 'bind'), 'file', (path) => {
          writeFileSync(path, mount.data, { mode: 0o600 });
          chownSync(path, mount.uid, mount.gid);
          chmodSync(path, mount.mode);
        });
        return;
      }
      case 'agent':
        await this.#put(points.add(target, 'file', 'bind'), 'file', async (path) => {
          this.#agents.push(await serveAgent(path, mount));
        });
        return;
      case 'tmpfs': {
        if (mount.size !== undefined || mount.options !== undefined) {
          this.problems.push(
            `the size and options of the tmpfs on ${target} are not in effect: the rung chroot cannot mount`,
          );
        }
        await this.#put(points.add(target, 'directory', 'tmpfs'), 'directory', (path) => {
          mkdirSync(path);
          chmodSync(path, mount.mode ?? 0o1777);
        });
        return;
      }
      case 'tree': {
        const place = await this.#tree(mount);
        const bound = { source: place, kind: mount.kind, type: () => undefined };
        await this.#put(points.add(target, mount.kind, 'bind', bound), mount.kind, (path) =>
          renameSync(diskPath(place), path),
        );
        return;
      }
      case 'cache': {
        const placed = await this.#put(points.add(target, 'directory', 'bind'), 'directory', (path) =>
          this.#caches.copy(number, path),
        );
        this.#cachePlaces.set(number, placed);
        return;
      }
      case 'volume':
        // The whole tree is thrown away.
        return;
      case 'bind':
        throw new Error('binds are refused before anything is made');
    }
  }

  /** Copies the files of a `tree` mount. @returns its absolute path */
  async #tree({ from }: Extract<ExecMount, { type: 'tree' }>): Promise<string> {
    const place = join(this.#folder, `tree-${++this.#serial}`);
    const options = { exact: true };
    if ('recipe' in from) {
      await makeTree(this.#ctx, place, readRecipe(from.recipe), options);
    } else {
      const tree = new MergedTree(from.layers.map((id) => ({ id, index: indexOf(this.#ctx, id) })));
      await makeTree(this.#ctx, place, entriesOf(tree, from.path), options);
    }
    return join(place, from.path);
  }

  /** Places a file or directory. @param path relative to the root, without symlinks */
  async #put(path: string, kind: PointKind, make: (disk: string) => void | Promise<void>): Promise<Placed> {
    this.#makeParents(path, path);
    const disk = join(this.#root, path);
    const parent = join(this.#root, parentOf(path));
    const before = statOf(parent);
    const there = lookAt(disk);
    if (there !== undefined) {
      if (there.isDirectory() !== (kind === 'directory'))
        throw badTarget(`/${path}`, `a ${kind} is mounted there`);
      renameSync(diskPath(disk), join(this.#folder, `aside-${++this.#serial}`));
    }
    await make(disk);
    restoreTimes(parent, before);
    const placed = { path, inode: inodeOf(statOf(disk)), at: disk };
    this.#placed.push(placed);
    return placed;
  }

  /** Sets an entry directly below the root aside, unless it is a directory. */
  #setAside(name: string): void {
    const disk = join(this.#root, name);
    const there = lookAt(disk);
    if (there === undefined || there.isDirectory()) return;
    const before = statOf(this.#root);
    renameSync(disk, join(this.#folder, `aside-${++this.#serial}`));
    restoreTimes(this.#root, before);
  }

  /** Makes parent directories that the image lacks. Files that the command makes in them are in the layer, with them. */
  #makeParents(path: string, target: string): void {
    const parent = parentOf(path);
    if (parent === '') return;
    const disk = join(this.#root, parent);
    const stat = lookAt(disk);
    if (stat?.isDirectory()) return;
    if (stat !== undefined) throw badTarget(`/${target}`, `/${parent} is not a directory`);
    this.#makeParents(parent, target);
    const above = join(this.#root, parentOf(parent));
    const before = statOf(above);
    mkdirSync(diskPath(disk), { mode: 0o755 });
    setTimes(disk, 0);
    restoreTimes(above, before);
  }

  #needMemory(target: string): void {
    if (MEMORY.includes(statfsSync(this.#folder).type)) return;
    throw new JettisonError(
      'CHROOT_SECRET',
      `cannot mount the secret at ${target}: the rung chroot cannot mount, and would have to write it to a disk`,
      {
        hint: 'Pass it as a variable (--mount=type=secret,id=…,env=NAME), or put the store on a tmpfs: docker run --tmpfs /store:exec,dev -e JETTISON_HOME=/store ….',
      },
    );
  }

  /** Whether all directories above a path are those of the snapshot. */
  #isReached(path: string, before: Snapshot): boolean {
    for (let parent = parentOf(path); parent !== ''; parent = parentOf(parent)) {
      const isPlaced = this.#placed.some((placed) => placed.path === parent);
      if (!isPlaced && !before.isSame(parent, statOf(join(this.#root, parent)))) return false;
    }
    return true;
  }

  /** Finds moved placed files, in directories that differ from the snapshot: only into or with those can they move. */
  #find(directory: string, displaced: Placed[], before: Snapshot): void {
    for (const name of namesIn(join(this.#root, directory))) {
      const path = directory === '' ? name : `${directory}/${name}`;
      const disk = join(this.#root, path);
      const stat = statOf(disk);
      const found = displaced.find(({ inode }) => isInode(inode, stat));
      if (found !== undefined) this.#takeAway(found, disk);
      else if (stat.isDirectory()) this.#find(path, displaced, before);
    }
  }

  #takeAway(placed: Placed, disk: string): void {
    const parent = disk.slice(0, disk.lastIndexOf('/'));
    const before = statOf(parent);
    placed.at = join(this.#folder, `evicted-${++this.#serial}`);
    renameSync(diskPath(disk), placed.at);
    restoreTimes(parent, before);
  }
}

function* entriesOf(tree: Tree, root: string) {
  yield tree.get(root)!;
  for (const { inode: _, ...entry } of below(tree, root)) yield entry;
}

function lookAt(path: string) {
  try {
    return statOf(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function writeKernelFiles(proc: string): void {
  mkdirSync(proc);
  for (const name of KERNEL_FILES) {
    if (existsSync(`/proc/${name}`))
      writeFileSync(join(proc, name), readFileSync(`/proc/${name}`), { mode: 0o444 });
  }
  chmodSync(proc, 0o555);
}

function writeDevices(dev: string): void {
  mkdirSync(dev);
  for (const [name, [major, minor]] of Object.entries(DEVICE_NUMBERS)) {
    const path = join(dev, name);
    mknod(path, S_IF.CHAR, major, minor);
    chmodSync(path, 0o666);
  }
  for (const name of ['pts', 'shm', 'mqueue']) mkdirSync(join(dev, name));
  for (const name of ['shm', 'mqueue']) chmodSync(join(dev, name), 0o1777);
  symlinkSync('pts/ptmx', join(dev, 'ptmx'));
}
