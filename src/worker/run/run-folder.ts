import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeDevices } from '../../launch/devices.ts';
import { fstab, type MountLine } from '../../launch/mount-table.ts';
import type { BoundFiles, BoundSource, RootPlan } from '../../launch/rootfs.ts';
import type { Entry } from '../../layer/entry.ts';
import type { SettledRequest } from '../../protocol/exec-request.ts';
import { temporaryPath } from '../../store/temporary.ts';
import { isMapped } from '../id-map.ts';
import { MS, mount, setTimes, setXattr, unmount } from '../native.ts';
import type { WorkerContext } from '../worker-context.ts';
import { linkLayers, overlayOptions, overlayXattrs } from './mounted/overlay.ts';
import { privateResolvConf } from './network.ts';

/** The temporary folder of one run, with everything that its root is mounted from. */
export class RunFolder {
  readonly path: string;
  /** The root's mount point. */
  readonly root: string;
  /** The upper directory of the root's overlay. */
  readonly upper: string;
  /** A tmpfs: the program that starts the command, and secrets and other files that must not be written to a disk. */
  readonly memory: string;
  #isMounted = false;

  readonly #ctx: WorkerContext;

  constructor(ctx: WorkerContext) {
    this.#ctx = ctx;
    this.path = temporaryPath(ctx.layout, 'run');
    this.root = join(this.path, 'root');
    this.upper = join(this.path, 'upper');
    this.memory = join(this.path, 'memory');
  }

  /**
   * Writes the files that are bound into the root (among them secrets), the contents of /dev, and standard input.
   */
  writeFiles(
    request: SettledRequest,
    hostname: string,
  ): BoundFiles & { stdin: string; bound: Map<number, BoundSource> } {
    for (const folder of ['root', 'upper', 'work', 'memory', 'lower', 'stubs', 'dev']) {
      mkdirSync(join(this.path, folder), { recursive: true });
    }
    mount('tmpfs', this.memory, 'tmpfs', MS.NOSUID | MS.NODEV, 'mode=700');
    this.#isMounted = true;

    const hosts = join(this.memory, 'hosts');
    const resolvConf = join(this.memory, 'resolv.conf');
    writeFileSync(hosts, hostsFile(hostname, request.hosts ?? []));
    const nameServers = existsSync('/etc/resolv.conf') ? readFileSync('/etc/resolv.conf', 'utf8') : '';
    writeFileSync(resolvConf, request.network === 'private' ? privateResolvConf(nameServers) : nameServers);
    const bound = new Map<number, BoundSource>();
    for (const [index, secret] of request.mounts.entries()) {
      if (secret.type !== 'secret') continue;
      const path = join(this.memory, `secret-${index}`);
      writeFileSync(path, secret.data, { mode: 0o600 });
      this.#own(path, secret);
      chmodSync(path, secret.mode);
      bound.set(index, { source: path, kind: 'file' });
    }
    const dev = join(this.path, 'dev');
    writeDevices(dev);
    // A mount point: the launch binds the terminal there.
    if (request.terminal !== undefined) writeFileSync(join(dev, 'console'), '');
    const text = request.process.stdin;
    const stdin = typeof text === 'string' ? join(this.memory, 'stdin') : text ? 'typed' : '/dev/null';
    if (typeof text === 'string') writeFileSync(stdin, text);
    return { dev, hosts, resolvConf, bound, stdin };
  }

  /**
   * Makes the stubs (mount points that the image lacks, in the lowest layer) and the upper directory.
   *
   * @param layers absolute paths of their directories, lowest first
   * @param root the entry of the image's root directory
   * @param devices whether device nodes of the layers or of the command can be opened (no `nodev`)
   * @returns the mount of the root's overlay
   */
  prepare(plan: RootPlan, layers: readonly string[], root: Entry, devices: boolean): MountLine {
    const stubs = join(this.path, 'stubs');
    for (const entry of plan.stubs) {
      const path = join(stubs, entry.path);
      // Directories that are not stubs themselves exist in the image, and keep its metadata.
      mkdirSync(entry.type === 'directory' ? path : dirname(path), { recursive: true });
      if (entry.type !== 'directory') writeFileSync(path, '');
    }
    // Children first: creating or changing a child changes its parent's time.
    for (const entry of plan.stubs.toReversed()) this.#describe(join(stubs, entry.path), entry);
    this.#describe(this.upper, root);

    const lower = linkLayers(this.path, 'lower/', layers);
    lower[plan.stubsOnTop ? 'push' : 'unshift']('stubs');
    const options = overlayOptions(
      { lower: lower.reverse(), upper: 'upper', work: 'work' },
      overlayXattrs(this.#ctx),
    );
    return {
      source: 'overlay',
      target: '',
      type: 'overlay',
      options: devices ? options : `nodev,${options}`,
    };
  }

  /** Writes a table for mount(8). @returns its absolute path */
  table(name: string, lines: readonly MountLine[]): string {
    const path = join(this.path, `mounts-${name}`);
    writeFileSync(path, fstab(this.root, lines));
    return path;
  }

  remove(): void {
    if (this.#isMounted) unmount(this.memory);
    rmSync(this.path, { recursive: true, force: true });
  }

  #describe(path: string, entry: Entry): void {
    this.#own(path, entry);
    for (const [name, value] of Object.entries(entry.xattrs ?? {})) {
      setXattr(path, name, Buffer.from(value, 'base64'));
    }
    chmodSync(path, entry.mode);
    setTimes(path, entry.mtime, entry.mtimeNs);
  }

  #own(path: string, { uid, gid }: { uid: number; gid: number }): void {
    // Ids that are not mapped here stay this process's, as in the layers' directories.
    if (isMapped('uid', uid) && isMapped('gid', gid)) chownSync(path, uid, gid);
  }
}

/** Text of /etc/hosts, as in BuildKit's sandbox. */
export function hostsFile(hostname: string, extra: readonly [string, string][]): string {
  return [
    `127.0.0.1\tlocalhost ${hostname}`,
    '::1\tlocalhost ip6-localhost ip6-loopback',
    ...extra.map(([name, address]) => `${address}\t${name}`),
    '',
  ].join('\n');
}
