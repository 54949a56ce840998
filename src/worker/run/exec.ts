import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { JettisonError } from '../../errors/error.ts';
import { DEFAULT_CAPABILITIES } from '../../launch/capabilities.ts';
import { findUnstartable } from '../../launch/command-lookup.ts';
import { completeEnvironment } from '../../launch/environment.ts';
import { withKernelDirectories } from '../../launch/rootfs.ts';
import { resolveUser } from '../../launch/user.ts';
import { parentOf } from '../../layer/entry.ts';
import { encodeIndex, LayerIndex } from '../../layer/layer-index.ts';
import { MergedTree } from '../../layer/merged-tree.ts';
import { resolvePath } from '../../layer/tree.ts';
import { type SettledNetwork, settleAgain, settleNetwork } from '../../machine/default-network.ts';
import type {
  CommandNetwork,
  ExecOutput,
  ExecRequest,
  ExecResult,
  LayerIdentity,
  OutputLimit,
  StartedCommand,
} from '../../protocol/exec-request.ts';
import { OutputCap } from '../../protocol/output-cap.ts';
import { RUNGS, type RungName, type WorkerMode } from '../../protocol/rung.ts';
import { installLayer, type LayerRecord, layerRecord } from '../../store/layers.ts';
import { isMapped } from '../id-map.ts';
import { scanUpper } from '../layers/scan-upper.ts';
import type { Locks } from '../lock.ts';
import type { WorkerContext } from '../worker-context.ts';
import { indexOf } from '../worker-context.ts';
import { ControlGroup } from './cgroup.ts';
import { CopiedRoot } from './chroot/copied-root.ts';
import type { Changes, CommandRoot, RunningCommand, RunSubject, StartHooks } from './command-root.ts';
import { keepFailed, openKept, type StackedLayer } from './kept-failure.ts';
import { MountedRoot } from './mounted/mounted-root.ts';
import { PrivateNetwork } from './network.ts';
import { withShell } from './shell.ts';
import { pieces } from './streams.ts';

/** The root of a command on each rung. */
const ROOTS: Record<RungName, (ctx: WorkerContext, mode: WorkerMode, locks: Locks) => CommandRoot> = {
  oci: (ctx, mode, locks) => new MountedRoot(ctx, mode, locks),
  namespaces: (ctx, mode, locks) => new MountedRoot(ctx, mode, locks),
  chroot: (ctx, _, locks) => new CopiedRoot(ctx, locks),
  none: () => {
    throw new Error('the rung "none" runs no commands');
  },
};

/** Callbacks of a run. */
export interface ExecControl {
  signal: AbortSignal;
  /** More output is read once this resolves. */
  output: (output: ExecOutput) => Promise<void>;
  /** Called once the command runs. */
  started: (command: RunningCommand, started: StartedCommand) => void;
  /** Called once the command has ended well, before what it changed is committed. */
  ended: () => void;
}

/**
 * Runs a command on a stack of layers, in a root of the worker's rung, with Docker's capabilities. When this resolves,
 * only the requested layer is left.
 *
 * @throws JettisonError `USER_UNKNOWN`, `USER_UNMAPPED`, `MOUNT_TARGET`, `RUN_CWD`, `RUN_SETUP`, `TOOL_MISSING`
 */
export async function exec(
  ctx: WorkerContext,
  mode: WorkerMode,
  locks: Locks,
  asked: ExecRequest,
  control: ExecControl,
): Promise<ExecResult> {
  const layers: StackedLayer[] = asked.layers.map((id) => ({
    id,
    index: indexOf(ctx, id),
    directory: ctx.layout.layerDirectory(id, ctx.forms[0]),
  }));
  const kept = asked.kept === undefined ? undefined : openKept(ctx, asked.kept);
  if (kept?.layer !== undefined) layers.push(kept.layer);
  const tree = new MergedTree(layers);
  const request = { ...(asked.shell === undefined ? asked : withShell(ctx, tree, asked, asked.shell)) };
  // `jettison debug` needs mounts to show a kept failure.
  if (!RUNGS[mode.rung].mounts) delete request.keep;
  const { args, cwd, env } = request.process;
  const user = resolveUser(
    request.process.user,
    readInRoot(layers, tree, '/etc/passwd'),
    readInRoot(layers, tree, '/etc/group'),
  );
  if (!isMapped('uid', user.uid) || !isMapped('gid', user.gid)) throw unmapped(request.process.user);
  // With a single id there are no further groups.
  user.groups = user.groups.filter((gid) => isMapped('gid', gid));
  const environment = completeEnvironment(env, user.home);

  // Mounted files are in no index: a command that may be in a mount is looked up when it starts.
  const isMounted = request.mounts.some(
    ({ type, target }) => (type !== 'secret' && type !== 'agent') || target === args[0],
  );
  const unstartable = isMounted ? undefined : findUnstartable(tree, args[0]!, environment, cwd);
  if (unstartable !== undefined) {
    await control.output({ stream: 'stderr', data: Buffer.from(`${unstartable.message}\n`) });
    return ended(ctx, request, { exitCode: unstartable.exitCode });
  }

  const missingDirectory = directoryToMake(tree, cwd, request);
  const subject = {
    request,
    layers,
    tree,
    user,
    environment,
    ...(missingDirectory === undefined ? {} : { missingDirectory }),
  };
  const settled = settleNetwork(ctx, mode, request.network);
  try {
    try {
      return await runIn(ctx, mode, locks, subject, settled, control);
    } catch (error) {
      const again = settleAgain(ctx, request.network, settled, error);
      if (again === undefined) throw error;
      return await runIn(ctx, mode, locks, subject, again, control);
    }
  } finally {
    kept?.close();
  }
}

/** Runs a command in one network. The root is deleted when this resolves. */
async function runIn(
  ctx: WorkerContext,
  mode: WorkerMode,
  locks: Locks,
  { request: asked, ...rest }: Omit<RunSubject, 'request'> & { request: ExecRequest },
  settled: SettledNetwork,
  control: ExecControl,
): Promise<ExecResult> {
  const request = {
    ...asked,
    network: settled.network,
    capabilities: asked.capabilities ?? defaultCapabilities(settled.network),
  };
  const { user, tree } = rest;
  const group = new ControlGroup(request.limits ?? {});
  let connecting: Promise<PrivateNetwork> | undefined;
  const root = ROOTS[mode.rung](ctx, mode, locks);
  try {
    const hooks: StartHooks = {
      began: (first) => {
        if (request.network !== 'private') return;
        connecting = PrivateNetwork.open(first, request.ports ?? [], root.folder);
        // `prepare` awaits the promise and reports the error.
        connecting.catch(() => {});
      },
      prepare: async (first) => {
        group.add(first);
        await connecting;
      },
    };
    const sandbox = await root.start({ ...rest, request }, hooks, control.signal);
    const { folders: cgroups } = group;
    const problems = [...group.problems, ...root.problems];
    let timedOut = false;
    const late = () => {
      timedOut = true;
      sandbox.kill();
    };
    const timer = request.timeMs === undefined ? undefined : setTimeout(late, request.timeMs);
    const exitCode = await follow(
      sandbox,
      {
        first: sandbox.first,
        user,
        cgroups,
        problems,
        ...settled,
        ...(root.programs && { programs: root.programs }),
        ...(root.runtime && { runtime: root.runtime }),
      },
      request.outputLimit,
      control,
    ).finally(() => clearTimeout(timer));
    control.signal.throwIfAborted();
    const failure = exitCode === 0 || timedOut ? undefined : root.failure();
    if (failure instanceof Error) throw failure;
    if (failure !== undefined) {
      await control.output({ stream: 'stderr', data: Buffer.from(`${failure.message}\n`) });
      return await ended(ctx, request, { exitCode: failure.exitCode }, root.leftovers);
    }
    if (exitCode !== 0 || timedOut) {
      const outOfMemory = group.ranOutOfMemory;
      const end = { exitCode, ...(outOfMemory ? { outOfMemory } : {}), ...(timedOut ? { timedOut } : {}) };
      return await ended(ctx, request, end, root.leftovers);
    }
    if (request.commit === undefined) return { exitCode };
    control.ended();
    return { exitCode, layer: await commit(ctx, request.commit, await root.changes(), tree) };
  } finally {
    await (await connecting?.catch(() => undefined))?.close();
    group.remove();
    await root.close();
  }
}

/** Without CAP_NET_RAW in the machine's network, where it would let a command read all traffic. */
function defaultCapabilities(network: CommandNetwork): readonly string[] {
  return network === 'host'
    ? DEFAULT_CAPABILITIES.filter((name) => name !== 'net_raw')
    : DEFAULT_CAPABILITIES;
}

/** How a command failed, and under which name that is kept. @param upper what it changed; absent if it never ran */
async function ended(
  ctx: WorkerContext,
  { keep }: ExecRequest,
  end: ExecResult,
  upper?: string,
): Promise<ExecResult> {
  const kept = keep === undefined ? undefined : await keepFailed(ctx, { ...keep, ...end }, upper);
  return kept === undefined ? end : { ...end, kept };
}

/** Passes output and signals on until all processes of the command have ended. */
async function follow(
  sandbox: RunningCommand,
  started: StartedCommand,
  limit: OutputLimit | undefined,
  control: ExecControl,
): Promise<number> {
  const output = new OutputCap(limit, control.output);
  const kill = () => sandbox.kill();
  control.signal.addEventListener('abort', kill, { once: true });
  if (control.signal.aborted) kill();
  control.started(sandbox, started);
  try {
    const [exitCode] = await Promise.all([
      sandbox.exit,
      pump(sandbox.streams.stdout, 'stdout', output, control.signal),
      pump(sandbox.streams.stderr, 'stderr', output, control.signal),
    ]);
    return exitCode;
  } finally {
    control.signal.removeEventListener('abort', kill);
    sandbox.streams.hangUp();
    await output.end();
  }
}

async function pump(
  source: Readable | null,
  stream: ExecOutput['stream'],
  output: OutputCap,
  signal: AbortSignal,
): Promise<void> {
  if (source === null) return;
  for await (const data of pieces(source)) {
    if (!signal.aborted) await output.add({ stream, data });
  }
}

async function commit(
  ctx: WorkerContext,
  identity: LayerIdentity,
  changes: Changes,
  lower: MergedTree,
): Promise<LayerRecord> {
  const entries = await scanUpper(ctx, { ...changes, lower });
  const index = encodeIndex(entries);
  const record = layerRecord(identity, LayerIndex.parse(index));
  return installLayer(ctx.layout, { record, index, directory: { path: changes.upper, form: ctx.forms[0] } });
}

/**
 * The working directory, if the image lacks it: it is created, and becomes part of the layer.
 *
 * @returns a path without symlinks, relative to the root; undefined when it exists
 */
function directoryToMake(image: MergedTree, cwd: string, request: ExecRequest): string | undefined {
  const tree = withKernelDirectories(image);
  const { path, entry } = resolvePath(tree, cwd);
  if (entry?.type === 'directory') return undefined;
  if (entry !== undefined) {
    throw new JettisonError('RUN_CWD', `the working directory ${cwd} is a ${entry.type} in the image`);
  }
  for (let parent = parentOf(path); parent !== ''; parent = parentOf(parent)) {
    const above = tree.get(parent);
    if (above !== undefined && above.type !== 'directory')
      throw new JettisonError(
        'RUN_CWD',
        `/${parent}, above the working directory ${cwd}, is a ${above.type} in the image`,
      );
  }
  const mounted = [
    'proc',
    'sys',
    'dev',
    ...request.mounts.map(({ target }) => resolvePath(tree, target).path),
  ];
  return mounted.some((point) => path === point || path.startsWith(`${point}/`)) ? undefined : path;
}

/** Text of a small file of the root; undefined if it is not a file. Symlinks are followed inside the root. */
function readInRoot(layers: readonly StackedLayer[], tree: MergedTree, path: string): string | undefined {
  const found = resolvePath(tree, path);
  if (found.entry?.type !== 'file') return undefined;
  const holder = layers.findLast(({ index }) => index.get(found.path) !== undefined)!;
  return readFileSync(join(holder.directory, found.path), 'utf8');
}

function unmapped(user: string): JettisonError {
  return new JettisonError(
    'USER_UNMAPPED',
    `cannot run the command as "${user}": the id is not mapped in your user namespace`,
    { hint: 'Run `jettison doctor`: it shows how to get a range of ids.' },
  );
}
