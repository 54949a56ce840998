import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Podman with a store of its own, which asks nothing of the machine but what containers cannot do without. */
export class Podman {
  readonly folder = mkdtempSync(join(tmpdir(), 'jettison-podman-'));
  /** For `run`: limits that a machine with low ones of its own allows, too. */
  static readonly LIMITS = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000'];

  /** Arguments that stand before every command. */
  get args(): string[] {
    return [
      ...['--root', join(this.folder, 'root'), '--runroot', join(this.folder, 'run')],
      ...['--cgroup-manager', 'cgroupfs', '--runtime', 'runc', '--events-backend', 'file'],
    ];
  }

  /** Podman working here, or the reason why tests cannot have it. */
  static find(): Podman | string {
    if (process.getuid?.() !== 0) return 'Podman is tried as root only';
    if (spawnSync('podman', ['--version']).status !== 0) return 'podman is not installed';
    const podman = new Podman();
    const { status, stderr } = spawnSync('podman', [...podman.args, 'info'], { encoding: 'utf8' });
    if (status === 0) return podman;
    podman.remove();
    return `podman does not work here: ${stderr.trim().split('\n').at(-1)}`;
  }

  remove(): void {
    spawnSync('podman', [...this.args, 'image', 'unmount', '--all', '--force']);
    spawnSync('podman', [...this.args, 'rmi', '--all', '--force']);
    spawnSync('umount', [join(this.folder, 'root', 'overlay')]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
