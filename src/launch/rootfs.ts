import { existsSync, statfsSync, statSync } from 'node:fs';
import { JettisonError } from '../errors/error.ts';
import { comparePaths, join, parentOf, type RecipeEntry } from '../layer/entry.ts';
import { LayerIndex } from '../layer/layer-index.ts';
import { type IndexedLayer, MergedTree } from '../layer/merged-tree.ts';
import { diskPath } from '../layer/names.ts';
import { resolvePath, type Tree } from '../layer/tree.ts';
import type { ExecMount } from '../protocol/exec-request.ts';
import type { Isolation } from '../protocol/rung.ts';
import { DEVICE_LINKS, DEVICE_NUMBERS, devMounts } from './devices.ts';
import { lockedOptions, type MountLine, SAFE } from './mount-table.ts';

/** The mounts of a run's root. */
export interface RootPlan {
  /** Missing mount points, with their missing parent directories. */
  stubs: RecipeEntry[];
  /** Whether the stubs must be the topmost layer, since a whiteout would hide them at the bottom. */
  stubsOnTop: boolean;
  mounts: MountLine[];
  /** Mounts inside other mounts, in order. */
  nested: NestedMount[];
  /** Masked paths of /proc and /sys. Relative to the root. */
  masked: { path: string; kind: PointKind }[];
  /** Read-only paths of /proc and /sys. Relative to the root. */
  readonly: string[];
  /** Path of /dev, relative to the root, without symlinks. */
  dev: string;
}

export interface NestedMount {
  mount: MountLine;
  /** A mount point to make first: relative to the root, or absolute. */
  point?: { path: string; kind: PointKind };
}

export type PointKind = 'file' | 'directory';

/** The source of a mount of the request. */
export interface BoundSource {
  /** Absolute path. */
  source: string;
  kind: PointKind;
  /** The type of a path below it, if it is known and cannot be changed by others. Absent: no mounts are allowed inside. */
  type?: (path: string) => string | undefined;
}

/** Files and folders of the machine that are bound into the root. Absolute paths. */
export interface BoundFiles {
  dev: string;
  hosts: string;
  resolvConf: string;
  /** The machine's /sys, read-only; absent if the command gets its own sysfs. */
  sys?: string;
  /** Sources of the request's mounts, by their index; all except tmpfs and plain binds. */
  bound: ReadonlyMap<number, BoundSource>;
}

/** Masked and read-only paths: Docker's defaults. */
const MASKED = [
  'proc/acpi',
  'proc/asound',
  'proc/interrupts',
  'proc/kcore',
  'proc/keys',
  'proc/latency_stats',
  'proc/sched_debug',
  'proc/scsi',
  'proc/timer_list',
  'proc/timer_stats',
  'sys/devices/virtual/powercap',
  'sys/firmware',
];
const READ_ONLY = ['proc/bus', 'proc/fs', 'proc/irq', 'proc/sys', 'proc/sysrq-trigger'];

const CGROUP2_MAGIC = 0x63677270;

/** Directories of the root whose content is the kernel's or this process's. */
const KERNEL_DIRECTORIES = ['dev', 'proc', 'sys'];

/**
 * Plans the mounts of a run.
 *
 * @param layers of the image, lowest first
 * @param tree their merged view
 * @param request.shmSize bytes of /dev/shm
 * @param request.unmasked whether /proc and /sys are whole and writable
 * @param request.readonlyFiles whether /etc/hosts and /etc/resolv.conf may not be written
 * @throws JettisonError `MOUNT_TARGET` for an invalid mount point
 */
export function planRoot(
  layers: IndexedLayer[],
  tree: Tree,
  request: {
    mounts: readonly ExecMount[];
    readonlyFiles: boolean;
    shmSize?: number;
    unmasked?: boolean;
  },
  files: BoundFiles,
  isolation: Isolation,
): RootPlan {
  const points = new MountPoints(withKernelDirectories(tree));
  const plan: RootPlan = {
    stubs: [],
    stubsOnTop: false,
    mounts: [],
    nested: [],
    masked: [],
    readonly: [],
    dev: '',
  };

  const proc = points.add('/proc', 'directory', 'kernel');
  const sys = points.add('/sys', 'directory', 'kernel');
  plan.mounts.push({ source: 'proc', target: proc, type: 'proc', options: SAFE });
  plan.mounts.push(...sysMounts(sys, files.sys, isolation, request.unmasked === true));
  if (request.unmasked !== true) {
    plan.readonly = READ_ONLY.filter(existsOnMachine).map((path) => under(proc, 'proc', path));
    plan.masked = [...masked(proc, 'proc'), ...masked(sys, 'sys')];
  }
  plan.dev = points.add('/dev', 'directory', 'dev');
  plan.mounts.push(...devMounts(plan.dev, files, isolation, request.shmSize));
  const bindFile = request.readonlyFiles ? `bind,ro,${SAFE}` : `bind,${SAFE}`;
  for (const [target, source] of [
    ['/etc/hosts', files.hosts],
    ['/etc/resolv.conf', files.resolvConf],
  ] as const) {
    const around = points.around(target);
    if (around !== undefined)
      throw badTarget(target, `the image has a link there that leads into /${around.path}`);
    plan.mounts.push({ source, target: points.add(target, 'file', 'bind'), type: 'none', options: bindFile });
  }
  // Sorted by target, as in BuildKit.
  const byTarget = [...request.mounts.entries()].sort(([, a], [, b]) =>
    a.target < b.target ? -1 : a.target > b.target ? 1 : 0,
  );
  for (const [index, mount] of byTarget) {
    const bound = files.bound.get(index) ?? (mount.type === 'bind' ? plainBind(mount.source) : undefined);
    const kind = bound?.kind ?? 'directory';
    const around = points.around(mount.target);
    const target = points.add(mount.target, kind, mount.type === 'tmpfs' ? 'tmpfs' : 'bind', bound);
    const line = userMount(mount, target, bound?.source);
    if (around === undefined) plan.mounts.push(line);
    else plan.nested.push(nestedMount(line, kind, around, mount.target));
  }

  plan.stubs = points.stubs();
  const stubLayer = { id: '', index: LayerIndex.of(plan.stubs) };
  const below = new MergedTree([stubLayer, ...layers]);
  if (plan.stubs.some(({ path, type }) => below.get(path)?.type !== type)) {
    plan.stubsOnTop = true;
    plan.stubs = points.stubsWithParents();
  }
  return plan;
}

/**
 * The tree without /dev, /proc and /sys if they are not directories. Stubs hide these during the run, since runtimes
 * and the kernel need the literal paths.
 */
export function withKernelDirectories(tree: Tree): Tree {
  const hidden = KERNEL_DIRECTORIES.filter((name) => {
    const entry = tree.get(name);
    return entry !== undefined && entry.type !== 'directory';
  });
  if (hidden.length === 0) return tree;
  return {
    get: (path) => (hidden.includes(path.split('/', 1)[0]!) ? undefined : tree.get(path)),
    children: (path) => {
      const names = hidden.includes(path.split('/', 1)[0]!) ? [] : tree.children(path);
      return path === '' ? names.filter((name) => !hidden.includes(name)) : names;
    },
  };
}

/** The mounts of masked and read-only paths, to be made after those of the plan. */
export function coveringMounts({ masked, readonly }: RootPlan): MountLine[] {
  return [
    ...readonly.map((target) => ({ target, type: 'none', options: `bind,ro,${SAFE}` })),
    ...masked.map(({ path, kind }) =>
      kind === 'directory'
        ? emptyDirectory(path)
        : { source: '/dev/null', target: path, type: 'none', options: 'bind' },
    ),
  ];
}

type Region = 'kernel' | 'dev' | 'bind' | 'tmpfs';

/** A mount with its target. */
interface Around {
  path: string;
  region: Region;
  bound: BoundSource | undefined;
}

/** The mount points of one root, and the stubs for missing ones. */
export class MountPoints {
  readonly #regions = new Map<string, Around>();
  readonly #stubs = new Map<string, RecipeEntry>();

  readonly #tree: Tree;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** The earlier mount that contains a path, if any. */
  around(target: string): Around | undefined {
    let path = resolvePath(this.#tree, target).path;
    while (path !== '') {
      path = parentOf(path);
      const region = this.#regions.get(path);
      if (region !== undefined && path !== '') return region;
    }
    return undefined;
  }

  /** Adds a mount point, with a stub if it is missing. @returns its path without symlinks */
  add(target: string, kind: PointKind, region: Region, bound?: BoundSource): string {
    const { path, entry } = resolvePath(this.#tree, target);
    if (path === '') throw badTarget(target, 'it is the root directory');
    // Neither a runtime's config nor a shell's words can hold other bytes.
    if (typeof diskPath(path) !== 'string')
      throw badTarget(target, `it leads to /${path}, which is not UTF-8`);
    const around = this.around(target);
    if (around === undefined) {
      if (entry !== undefined && (entry.type === 'directory') !== (kind === 'directory')) {
        throw badTarget(target, `the image has a ${entry.type} there, and a ${kind} is mounted`);
      }
      if (entry === undefined) this.#stub(path, kind, target);
    } else if (around.region === 'kernel' || (around.region === 'bind' && around.bound?.type === undefined)) {
      throw badTarget(target, `it is inside /${around.path}, which is mounted itself`);
    } else if (around.region === 'dev') checkInDev(target, path.slice(around.path.length + 1));
    this.#regions.set(path, { path, region, bound });
    return path;
  }

  stubs(): RecipeEntry[] {
    return [...this.#stubs.values()].sort((a, b) => comparePaths(a.path, b.path));
  }

  /** The stubs with the image's directories above them. */
  stubsWithParents(): RecipeEntry[] {
    const all = new Map(this.#stubs);
    for (const { path } of this.#stubs.values()) {
      for (let parent = parentOf(path); parent !== ''; parent = parentOf(parent)) {
        if (!all.has(parent)) all.set(parent, { ...this.#tree.get(parent)! } as RecipeEntry);
      }
    }
    return [...all.values()].sort((a, b) => comparePaths(a.path, b.path));
  }

  #stub(path: string, kind: PointKind, target: string): void {
    for (let parent = parentOf(path); parent !== ''; parent = parentOf(parent)) {
      const entry = this.#tree.get(parent);
      if (entry !== undefined && entry.type !== 'directory') {
        throw badTarget(target, `/${parent} is a ${entry.type} in the image`);
      }
      if (entry === undefined) this.#stubs.set(parent, stubEntry(parent, 'directory'));
    }
    this.#stubs.set(path, stubEntry(path, kind));
  }
}

function stubEntry(path: string, kind: PointKind): RecipeEntry {
  return { path, type: kind, mode: kind === 'file' ? 0o644 : 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
}

/** @param rest path of a mount point, relative to /dev */
function checkInDev(target: string, rest: string): void {
  const [name = '', ...deeper] = rest.split('/');
  const isLink = name in DEVICE_LINKS;
  const isFile = name in DEVICE_NUMBERS || name === 'console';
  const isKernels = name === 'pts' || name === 'mqueue';
  if (isLink || ((isFile || isKernels) && deeper.length > 0)) {
    throw badTarget(target, `/dev/${name} of a container is not a directory of files`);
  }
}

function sysMounts(
  sys: string,
  source: string | undefined,
  isolation: Isolation,
  unmasked: boolean,
): MountLine[] {
  const unified = statfs('/sys/fs/cgroup') === CGROUP2_MAGIC;
  const cgroup = join(sys, 'fs/cgroup');
  return [
    // A user namespace with the machine's network must not mount its own sysfs.
    isolation === 'root'
      ? { source: 'sysfs', target: sys, type: 'sysfs', options: `${unmasked ? 'rw' : 'ro'},${SAFE}` }
      : { source: source ?? '/sys', target: sys, type: 'none', options: 'rbind' },
    ...(unified
      ? [{ source: 'cgroup2', target: cgroup, type: 'cgroup2', options: `ro,${SAFE}` }]
      : existsOnMachine('sys/fs/cgroup')
        ? [emptyDirectory(cgroup)]
        : []),
  ];
}

function masked(at: string, top: 'proc' | 'sys'): RootPlan['masked'] {
  return MASKED.filter((path) => path.startsWith(`${top}/`) && existsOnMachine(path)).map((path) => ({
    path: under(at, top, path),
    kind: isDirectory(`/${path}`) ? 'directory' : 'file',
  }));
}

function emptyDirectory(target: string): MountLine {
  return { source: 'tmpfs', target, type: 'tmpfs', options: `ro,${SAFE},size=4k,nr_inodes=2` };
}

function userMount(mount: ExecMount, target: string, source: string | undefined): MountLine {
  switch (mount.type) {
    case 'tmpfs': {
      const size = mount.size === undefined ? '' : `,size=${mount.size}`;
      const mode = (mount.mode ?? 0o1777).toString(8);
      const options = [`${SAFE},mode=${mode}${size}`, ...(mount.options ?? []), 'nodev'].join(',');
      return { source: 'tmpfs', target, type: 'tmpfs', options };
    }
    case 'secret': {
      // Scripts are also mounted in this way.
      const safe = (mount.mode & 0o111) === 0 ? SAFE : 'nosuid,nodev';
      return { source: source!, target, type: 'none', options: `bind,ro,${safe}` };
    }
    case 'agent':
      return { source: source!, target, type: 'none', options: `bind,${SAFE}` };
    case 'volume':
      return { target, type: 'none', options: 'bind,nodev' };
    default: {
      const bind = mount.type === 'bind' && mount.recursive === true ? 'rbind' : 'bind';
      const options = [
        bind,
        ...(mount.readonly ? ['ro'] : []),
        ...(isContainerDevice(source!) ? [] : ['nodev']),
        ...lockedOptions(source!),
      ];
      return { source: source!, target, type: 'none', options: options.join(',') };
    }
  }
}

/** Whether a path is one of the devices that every command may open, under any name. */
function isContainerDevice(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return (
    stat?.isCharacterDevice() === true &&
    Object.values(DEVICE_NUMBERS).some(([major, minor]) => stat.rdev === major * 256 + minor)
  );
}

/** A mount inside another one. */
function nestedMount(mount: MountLine, kind: PointKind, around: Around, written: string): NestedMount {
  const { bound } = around;
  if (bound?.type === undefined) return { mount, point: { path: mount.target, kind } };
  const rest = mount.target.slice(around.path.length + 1);
  const parts = rest.split('/');
  for (const [depth] of parts.entries()) {
    const path = parts.slice(0, depth + 1).join('/');
    const found = bound.type(path);
    // Made in the source of the other mount, which may be mounted read-only.
    if (found === undefined) return { mount, point: { path: join(bound.source, rest), kind } };
    const wanted = depth < parts.length - 1 ? 'directory' : kind;
    if (found !== wanted)
      throw badTarget(written, `a ${found} is there, in what is mounted on /${around.path}`);
  }
  return { mount };
}

function plainBind(source: string): BoundSource {
  return { source, kind: isDirectory(source) ? 'directory' : 'file' };
}

/** A path of /proc or /sys, at the place where that is mounted in the root. */
function under(at: string, top: string, path: string): string {
  return `${at}${path.slice(top.length)}`;
}

function existsOnMachine(path: string): boolean {
  return existsSync(`/${path}`);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function statfs(path: string): number | undefined {
  return existsSync(path) ? statfsSync(path).type : undefined;
}

export function badTarget(target: string, why: string): JettisonError {
  return new JettisonError('MOUNT_TARGET', `cannot mount at ${target}: ${why}`);
}
