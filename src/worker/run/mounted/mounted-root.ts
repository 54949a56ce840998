import { readFileSync } from 'node:fs';
import { JettisonError } from '../../../errors/error.ts';
import { DEFAULT_CAPABILITIES } from '../../../launch/capabilities.ts';
import { whyNoFilter } from '../../../launch/filter-program.ts';
import { planRoot } from '../../../launch/rootfs.ts';
import { chosenSeccomp } from '../../../launch/seccomp-profile.ts';
import { runtimeError, runtimePlaces } from '../../../machine/runtime.ts';
import type { ExecRequest, SeccompProfile } from '../../../protocol/exec-request.ts';
import type { RunningRuntime, RuntimeName, WorkerMode } from '../../../protocol/rung.ts';
import type { Locks } from '../../lock.ts';
import { setHostname } from '../../native.ts';
import type { WorkerContext } from '../../worker-context.ts';
import type { Changes, CommandRoot, RunSubject, StartHooks } from '../command-root.ts';
import { RunFolder } from '../run-folder.ts';
import { MountSources } from './mount-sources.ts';
import { namespacesLaunch } from './namespaces-launch.ts';
import { runtimeLaunch } from './runtime-launch.ts';
import type { LaunchRequest } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

/** The host name of all commands, as in BuildKit. */
const HOSTNAME = 'buildkitsandbox';

/** A mounted root: an overlay of the layers' directories and a new upper directory, in namespaces of its own. */
export class MountedRoot implements CommandRoot {
  readonly problems: string[] = [];
  readonly #folder: RunFolder;
  readonly #sources: MountSources;
  #runtime: RuntimeName | undefined;

  readonly #mode: WorkerMode;

  constructor(ctx: WorkerContext, mode: WorkerMode, locks: Locks) {
    this.#mode = mode;
    this.#folder = new RunFolder(ctx);
    this.#sources = new MountSources(ctx, locks, this.#folder.path);
  }

  get folder(): string {
    return this.#folder.path;
  }

  get runtime(): RunningRuntime | undefined {
    return this.#runtime && { name: this.#runtime, folder: this.#folder.memory };
  }

  get programs(): string {
    return this.#folder.memory;
  }

  get leftovers(): string {
    return this.#folder.upper;
  }

  async changes(): Promise<Changes> {
    return { upper: this.#folder.upper };
  }

  /**
   * Mounts the root and starts the command in it.
   *
   * @param signal ends the wait for cache locks
   * @throws JettisonError `MOUNT_TARGET`, `MOUNT_SOURCE`, `RUN_SETUP`, `RUN_TOO_LONG`, `SECCOMP_UNAVAILABLE`,
   * `TOOL_MISSING`
   */
  async start(subject: RunSubject, hooks: StartHooks, signal: AbortSignal): Promise<Sandbox> {
    const { request, layers, tree, user, environment } = subject;
    const folder = this.#folder;
    const { isolation } = this.#mode;
    const runtime = this.#runtimeFor(request);
    const hostname = request.hostname ?? HOSTNAME;
    const files = folder.writeFiles(request, hostname);
    if (isolation !== 'root' && !request.unmasked) files.sys = this.#sources.readOnlySys();
    for (const [number, source] of await this.#sources.open(request.mounts, signal)) {
      files.bound.set(number, source);
    }
    const readonlyRoot = request.readonlyRoot === true;
    const devices = request.unmasked === true;
    const readonlyFiles = request.commit !== undefined || readonlyRoot || request.readonlyFiles === true;
    const plan = planRoot(layers, tree, { ...request, readonlyFiles }, files, isolation);
    const directories = layers.map(({ directory }) => directory);
    const overlay = folder.prepare(plan, directories, tree.get('')!, devices);
    setHostname(hostname);
    const launched: LaunchRequest = {
      folder,
      before: [...this.#sources.mounts, overlay],
      plan,
      ...(subject.missingDirectory === undefined ? {} : { makeDirectory: subject.missingDirectory }),
      readonlyRoot,
      devices,
      ulimits: request.ulimits ?? [],
      network: request.network,
      user,
      cwd: request.process.cwd,
      isolation,
      capabilities: request.capabilities ?? DEFAULT_CAPABILITIES,
      noNewPrivileges: request.noNewPrivileges === true,
      seccomp: this.#filterFor(request, runtime),
      environment,
      args: request.process.args,
    };
    const { terminal } = request;
    const launch =
      runtime === undefined ? namespacesLaunch(launched) : runtimeLaunch(runtime, launched, { terminal });
    const { stdin } = files;
    return await Sandbox.start({
      ...{ folder: folder.path, launch, user, stdin, ...hooks },
      ...(terminal && { terminal }),
    });
  }

  /**
   * Why a command did not run at all: the runtime's own exit codes look like a command's, so its log is read.
   */
  failure(): { exitCode: number; message: string } | JettisonError | undefined {
    const runtime = this.#runtime;
    const said = runtime === undefined ? undefined : runtimeError(this.#runtimeLog());
    if (said === undefined) return undefined;
    const missing = /executable file.* not found|no such file or directory/i.test(said);
    if (/\bexec\b|executable/.test(said) && (missing || /permission denied/i.test(said))) {
      return { exitCode: missing ? 127 : 126, message: said };
    }
    return new JettisonError('RUN_SETUP', `${runtime} could not run the command: ${said}`, {
      hint: '--isolation namespaces runs it without an OCI runtime. `jettison doctor` shows what works here.',
    });
  }

  async close(): Promise<void> {
    this.#sources.close();
    this.#folder.remove();
  }

  #runtimeFor({ init, process: { args } }: ExecRequest): RuntimeName | undefined {
    const { runtime } = this.#mode;
    // crun makes a relative program path absolute, which changes a script's $0.
    const renames = runtime === 'crun' && args[0]!.includes('/') && !args[0]!.startsWith('/');
    this.#runtime = init || renames ? undefined : runtime;
    return this.#runtime;
  }

  /** @throws JettisonError `SECCOMP_UNAVAILABLE` when the request names a profile */
  #filterFor(request: ExecRequest, runtime: RuntimeName | undefined): SeccompProfile | undefined {
    const profile = chosenSeccomp(request);
    const why = profile === undefined || runtime !== undefined ? undefined : whyNoFilter();
    if (why === undefined) return profile;
    if (request.seccomp !== undefined) {
      throw new JettisonError('SECCOMP_UNAVAILABLE', `cannot set a seccomp filter: ${why}`, {
        hint: 'Omit --hardened and seccomp=, or pass seccomp=unconfined.',
      });
    }
    this.problems.push(`the command has no seccomp filter: ${why}`);
    return undefined;
  }

  #runtimeLog(): string {
    try {
      return readFileSync(runtimePlaces(this.#folder.memory).log, 'utf8');
    } catch {
      return '';
    }
  }
}
