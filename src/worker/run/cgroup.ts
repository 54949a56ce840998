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

/** The control groups of one command: one folder where they are unified, else one for each controller. */
export class ControlGroup {
  /** Why some limits do not hold, for people; empty when all do. */
  readonly problems: string[] = [];
  readonly #folders = new Map<Controller, string>();

  /** Makes the groups that the limits need. What the machine does not allow becomes a problem, not an error. */
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
          `the ${controller} limit does not hold: this machine keeps its control groups to itself (${code})`,
        );
      }
    }
  }

  /** Absolute paths. */
  get folders(): string[] {
    return [...new Set(this.#folders.values())];
  }

  /** Takes a process in, and whatever it starts from now on. */
  add(pid: number): void {
    for (const folder of this.folders) writeFileSync(join(folder, 'cgroup.procs'), String(pid));
  }

  /** Whether the kernel killed something in here for want of memory. */
  get ranOutOfMemory(): boolean {
    const folder = this.#folders.get('memory');
    if (folder === undefined) return false;
    const file = ['memory.events', 'memory.oom_control']
      .map((name) => join(folder, name))
      .find((path) => existsSync(path));
    return file !== undefined && /^oom_kill [1-9]/m.test(readFileSync(file, 'utf8'));
  }

  /** To be called when all processes of the group have ended. */
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

/** Beside this process's own group: one that has processes itself can have no groups with limits in it. */
function unifiedParent(controller: Controller): string {
  const parent = join(MOUNT, dirname(ownGroup('')));
  const file = join(parent, 'cgroup.subtree_control');
  if (!readFileSync(file, 'utf8').split(/\s+/).includes(controller)) writeFileSync(file, `+${controller}`);
  return parent;
}

/** Below this process's own group, so that its limits hold, too. */
function parentOf(controller: Controller): string {
  const own = join(MOUNT, controller, ownGroup(controller));
  return existsSync(own) ? own : join(MOUNT, controller);
}

/** Path of this process's group, as the hierarchy of that controller has it. */
function ownGroup(controller: Controller | ''): string {
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').split('\n')) {
    const [, controllers = '', ...path] = line.split(':');
    if (controllers.split(',').includes(controller)) return path.join(':');
  }
  return '/';
}

/** Removes groups of workers that did not live to do so. */
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
    // Somebody was faster, or a process in it is not quite gone: the next one sweeps it.
  }
}
