import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Limits } from '../../protocol/exec-request.ts';
import { isAlive, processIdentity } from '../../store/process-identity.ts';

type Controller = 'memory' | 'cpu' | 'pids';

const MOUNT = '/sys/fs/cgroup';
const CGROUP2_MAGIC = 0x63677270;
const CPU_PERIOD_US = 100_000;
const PREFIX = 'jettison-';
let serial = 0;

/** The control groups of one command: one folder with cgroup v2, one per controller with v1. */
export class ControlGroup {
  /** Limits that are not enforced, with the reason, for people. */
  readonly problems: string[] = [];
  readonly #folders = new Map<Controller, string>();

  /** Creates the groups for the limits. A limit that cannot be set is added to `problems` and does not throw. */
  constructor(limits: Limits) {
    const name = `${PREFIX}${processIdentity}-${++serial}`;
    const unified = isUnified();
    for (const [controller, settings] of Object.entries(settingsOf(limits, unified)) as [
      Controller,
      Settings,
    ][]) {
      try {
        const folder = join(unified ? unifiedParent(controller) : parentOf(controller), name);
        sweep(dirname(folder));
        mkdirSync(folder, { recursive: true });
        this.#folders.set(controller, folder);
        for (const [file, value] of settings) writeFileSync(join(folder, file), value);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === undefined) throw error;
        this.problems.push(
          `the ${controller} limit is not enforced: cannot create a control group (${code})`,
        );
      }
    }
  }

  /** Absolute paths. */
  get folders(): string[] {
    return [...new Set(this.#folders.values())];
  }

  /** Adds a process, and all that it starts from now on. */
  add(pid: number): void {
    for (const folder of this.folders) writeFileSync(join(folder, 'cgroup.procs'), String(pid));
  }

  /** Whether the kernel's OOM killer killed a process of the group. */
  get ranOutOfMemory(): boolean {
    const folder = this.#folders.get('memory');
    if (folder === undefined) return false;
    const file = ['memory.events', 'memory.oom_control']
      .map((name) => join(folder, name))
      .find((path) => existsSync(path));
    return file !== undefined && /^oom_kill [1-9]/m.test(readFileSync(file, 'utf8'));
  }

  /** Call when all processes of the group have ended. */
  remove(): void {
    for (const folder of this.folders) removeGroup(folder);
  }
}

type Settings = [file: string, value: string][];

function settingsOf({ memory, cpus, pids }: Limits, unified: boolean): Partial<Record<Controller, Settings>> {
  const quota = cpus === undefined ? 0 : Math.round(cpus * CPU_PERIOD_US);
  return {
    ...(memory === undefined
      ? {}
      : { memory: [[unified ? 'memory.max' : 'memory.limit_in_bytes', String(memory)]] }),
    ...(pids === undefined ? {} : { pids: [['pids.max', String(pids)]] }),
    ...(cpus === undefined
      ? {}
      : {
          cpu: unified
            ? [['cpu.max', `${quota} ${CPU_PERIOD_US}`]]
            : [
                ['cpu.cfs_period_us', String(CPU_PERIOD_US)],
                ['cpu.cfs_quota_us', String(quota)],
              ],
        }),
  };
}

function isUnified(): boolean {
  return existsSync(MOUNT) && statfsSync(MOUNT).type === CGROUP2_MAGIC;
}

/** Beside this process's own group: cgroup v2 allows limits only below a group without processes. */
function unifiedParent(controller: Controller): string {
  const parent = join(MOUNT, dirname(ownGroup('')));
  const file = join(parent, 'cgroup.subtree_control');
  if (!readFileSync(file, 'utf8').split(/\s+/).includes(controller)) writeFileSync(file, `+${controller}`);
  return parent;
}

/** Below this process's own group, so that its limits apply, too. */
function parentOf(controller: Controller): string {
  const own = join(MOUNT, controller, ownGroup(controller));
  return existsSync(own) ? own : join(MOUNT, controller);
}

/** Path of this process's group in the hierarchy of a controller. */
function ownGroup(controller: Controller | ''): string {
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').split('\n')) {
    const [, controllers = '', ...path] = line.split(':');
    if (controllers.split(',').includes(controller)) return path.join(':');
  }
  return '/';
}

/** Removes groups that killed workers left. */
function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    const identity = name.startsWith(PREFIX) ? name.slice(PREFIX.length).replace(/-\d+$/, '') : undefined;
    if (identity !== undefined && !isAlive(identity, Date.now())) removeGroup(join(parent, name));
  }
}

function removeGroup(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Already removed, or a process in it is still ending: the next worker removes it.
  }
}
