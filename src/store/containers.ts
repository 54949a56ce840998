import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../image/digest.ts';
import type { Descriptor, Healthcheck } from '../image/types.ts';
import type { StoreLayout } from './layout.ts';
import { isAlive } from './process-identity.ts';
import { readRecord, recordText } from './record-file.ts';
import { readNames, temporaryPath, writeWhole } from './temporary.ts';

/** The settings of a container, which never change. */
export interface ContainerConfig<Request = unknown> {
  /** 64 hexadecimal digits. */
  id: string;
  name: string;
  /** The reference as typed. */
  image: string;
  imageId: Digest;
  manifest: Descriptor;
  /** RFC 3339. */
  created: string;
  /** The output goes to a log, and the record is kept after the container has ended. */
  detached: boolean;
  /** The record is removed when the container has ended. */
  autoRemove: boolean;
  /** As typed. */
  ports: string[];
  /** Name or number. */
  stopSignal: string;
  /** Seconds between `stopSignal` and SIGKILL. */
  stopTimeout: number;
  healthcheck?: Healthcheck;
  /** The request of `run`: command, mounts, limits. */
  request: Request;
}

export type HealthStatus = 'starting' | 'healthy' | 'unhealthy';

export interface Health {
  status: HealthStatus;
  failingStreak: number;
  /** The latest checks, oldest first. */
  log: { start: string; end: string; exitCode: number; output: string }[];
}

/** The state of a container. Only its supervisor writes it. */
export interface ContainerState {
  status: 'created' | 'running' | 'exited';
  /** Identity of the supervisor process: see `process-identity.ts`. */
  supervisor: string;
  /** Identity of the process that holds its namespaces. */
  first?: string;
  /** The user of its command. */
  user?: { uid: number; gid: number; groups: number[]; home: string };
  /** Ids of its layers, lowest first. */
  layers?: string[];
  /** Absolute paths of its control groups. */
  cgroups?: string[];
  /** Folder for the programs that start further commands, in the mount namespace of the first process. */
  programs?: string;
  /** The OCI runtime that runs it, if any, and the folder of the runtime's state. */
  runtime?: { name: 'crun' | 'runc'; folder: string };
  started?: string;
  finished?: string;
  exitCode?: number;
  /** Why it could not be started, or why it ended. */
  error?: string;
  health?: Health;
}

export interface StoredContainer<Request = unknown> {
  config: ContainerConfig<Request>;
  state: ContainerState;
  /** Its supervisor is alive, so the state is current. */
  alive: boolean;
}

/** The containers of a store: a folder each, with settings, state and log. */
export class Containers {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /** Contains `config.json`, `state.json`, and `log` for a detached container. */
  folder(id: string): string {
    return join(this.#layout.containers, id);
  }

  /** All containers, oldest first. */
  list<Request = unknown>(): StoredContainer<Request>[] {
    return readNames(this.#layout.containers)
      .map((id) => this.get<Request>(id))
      .filter((container) => container !== undefined)
      .sort((a, b) => (a.config.created < b.config.created ? -1 : 1));
  }

  /** Undefined for an unknown id, and for a container that is being removed. */
  get<Request = unknown>(id: string): StoredContainer<Request> | undefined {
    const path = join(this.folder(id), 'state.json');
    const config = readRecord<ContainerConfig<Request>>(join(this.folder(id), 'config.json'), {
      unsealed: true,
    });
    const state = readRecord<ContainerState>(path, { unsealed: true });
    const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (config === undefined || state === undefined || touched === undefined) return undefined;
    return { config, state, alive: isAlive(state.supervisor, touched) };
  }

  create(config: ContainerConfig, state: ContainerState): void {
    const folder = temporaryPath(this.#layout, 'container');
    // Variables and arguments may be secrets.
    mkdirSync(folder, { mode: 0o700 });
    writeWhole(this.#layout, join(folder, 'config.json'), recordText(config));
    writeWhole(this.#layout, join(folder, 'state.json'), recordText(state));
    mkdirSync(this.#layout.containers, { recursive: true, mode: 0o700 });
    renameSync(folder, this.folder(config.id));
  }

  setState(id: string, state: ContainerState): void {
    writeWhole(this.#layout, join(this.folder(id), 'state.json'), recordText(state));
  }

  remove(id: string): void {
    const grave = temporaryPath(this.#layout, 'container');
    try {
      renameSync(this.folder(id), grave);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    rmSync(grave, { recursive: true, force: true });
  }

  /** Ids of the layers of running containers, which must not be deleted. */
  layersInUse(): Set<string> {
    const live = this.list().filter(({ alive, state }) => alive && state.status !== 'exited');
    return new Set(live.flatMap(({ state }) => state.layers ?? []));
  }
}
