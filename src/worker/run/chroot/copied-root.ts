import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { JettisonError } from '../../../errors/error.ts';
import { DEFAULT_CAPABILITIES } from '../../../launch/capabilities.ts';
import { chosenSeccomp } from '../../../launch/seccomp-profile.ts';
import type { RecipeEntry } from '../../../layer/entry.ts';
import { below, type Tree } from '../../../layer/tree.ts';
import type { ExecRequest } from '../../../protocol/exec-request.ts';
import { temporaryPath } from '../../../store/temporary.ts';
import { makeTree } from '../../layers/materialise.ts';
import type { Locks } from '../../lock.ts';
import type { WorkerContext } from '../../worker-context.ts';
import type { Changes, CommandRoot, RunSubject, StartHooks } from '../command-root.ts';
import { moveChanges } from './changes.ts';
import { ChrootSandbox } from './chroot-sandbox.ts';
import { CopiedMounts } from './copied-mounts.ts';
import { Snapshot } from './snapshot.ts';

/**
 * A root that is a copy of the layers' merged view, in which a command runs with chroot(2) alone: for machines that
 * permit neither mounts nor namespaces. The command's changes are found by comparison with a snapshot.
 */
export class CopiedRoot implements CommandRoot {
  readonly folder: string;
  /** Nothing of it runs by an OCI runtime. */
  readonly runtime = undefined;
  readonly #root: string;
  readonly #mounts: CopiedMounts;
  #before: Snapshot | undefined;
  #ran = false;

  readonly #ctx: WorkerContext;

  constructor(ctx: WorkerContext, locks: Locks) {
    this.#ctx = ctx;
    this.folder = temporaryPath(ctx.layout, 'run');
    this.#root = join(this.folder, 'root');
    mkdirSync(this.folder);
    this.#mounts = new CopiedMounts(ctx, locks, this.folder, this.#root);
  }

  get problems(): readonly string[] {
    return this.#mounts.problems;
  }

  /**
   * @param signal ends the copying, too
   * @throws JettisonError `CHROOT_UNABLE` for a request that needs namespaces or mounts, `CHROOT_SECRET`, `MOUNT_TARGET`,
   * `MOUNT_SOURCE`
   */
  async start(subject: RunSubject, { prepare }: StartHooks, signal: AbortSignal): Promise<ChrootSandbox> {
    const { request, tree, user, environment, missingDirectory } = subject;
    refuse(request);
    await makeTree(this.#ctx, this.#root, entriesOf(tree, signal), { exact: true });
    await this.#mounts.place(request, tree, signal);
    const before = await Snapshot.take(this.#root, this.#mounts.paths);
    await before.pass(this.folder);
    this.#before = before;
    if (missingDirectory !== undefined) mkdirSync(join(this.#root, missingDirectory), { recursive: true });
    signal.throwIfAborted();
    this.#ran = true;
    return ChrootSandbox.start({
      root: this.#root,
      user,
      cwd: request.process.cwd,
      capabilities: request.capabilities ?? DEFAULT_CAPABILITIES,
      noNewPrivileges: request.noNewPrivileges === true,
      seccomp: chosenSeccomp(request),
      ulimits: request.ulimits ?? [],
      // All of them: no program before the command reads these variables.
      environment: [...environment.plain, ...environment.guarded],
      args: request.process.args,
      stdin: this.#stdin(request),
      ...(request.terminal && { terminal: request.terminal }),
      prepare,
    });
  }

  failure(): undefined {}

  async changes(): Promise<Changes> {
    const upper = join(this.folder, 'upper');
    this.#mounts.evict(this.#before!);
    return { upper, hidden: await moveChanges(this.#root, upper, this.#before!, this.#mounts.paths) };
  }

  async close(): Promise<void> {
    this.#mounts.close(this.#ran);
    await rm(this.folder, { recursive: true, force: true });
  }

  #stdin({ process: { stdin } }: ExecRequest): string {
    if (typeof stdin !== 'string') return stdin ? 'typed' : '/dev/null';
    const path = join(this.folder, 'stdin');
    writeFileSync(path, stdin, { mode: 0o600 });
    return path;
  }
}

/** Hard links of the layers become separate files, as in an overlay once they are written to. */
function* entriesOf(tree: Tree, signal: AbortSignal): Generator<RecipeEntry> {
  yield tree.get('')!;
  for (const { inode: _, ...entry } of below(tree, '')) {
    signal.throwIfAborted();
    yield entry;
  }
}

/** @throws JettisonError `CHROOT_UNABLE` */
function refuse({ network, unmasked, readonlyRoot, seccomp, mounts, shell, kept }: ExecRequest): void {
  const asked: [boolean, string][] = [
    [network !== 'host', 'a network of its own'],
    [unmasked === true, '--security=insecure'],
    [readonlyRoot === true, 'a read-only root'],
    [seccomp !== undefined && seccomp !== 'unconfined', 'a seccomp profile'],
    [mounts.some(({ type }) => type === 'bind'), 'a folder of the machine in a container'],
    [shell !== undefined || kept !== undefined, '`jettison debug`'],
  ];
  const impossible = asked.find(([is]) => is);
  if (impossible === undefined) return;
  throw new JettisonError(
    'CHROOT_UNABLE',
    `${impossible[1]} needs namespaces or mounts, which this machine does not permit: commands run on the rung chroot`,
    { hint: '`jettison doctor` shows why the better rungs do not work, and how to enable them.' },
  );
}
