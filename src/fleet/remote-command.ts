import { JettisonError } from '../errors/error.ts';
import { type Digest, sha256 } from '../image/digest.ts';
import { formatPlatform } from '../image/platform.ts';
import { type ImageConfig, type Manifest, MEDIA } from '../image/types.ts';
import type { RemoteMount, RemoteResult, RemoteRun, RemoteRunServices } from '../protocol/remote-run.ts';
import type { Store } from '../store/store.ts';
import type { BuilderConnection } from './builder-connection.ts';
import { fileTree } from './memory-files.ts';
import { type SolveStatus, solveRemotely } from './remote-solve.ts';
import { returnedImage, unusableImage } from './returned-image.ts';
import { BELOW, filesContext, runDockerfile, SCRIPT, scriptFiles } from './run-dockerfile.ts';
import { contentService } from './services/content.ts';
import { filesyncService, type SentFiles } from './services/filesync.ts';
import { secretsService } from './services/secrets.ts';
import { sshService } from './services/ssh.ts';
import type { SessionService } from './session-service.ts';

/** What a command at a builder may use of this machine. */
export interface Offers {
  store: Store;
  secrets: ReadonlyMap<string, Uint8Array>;
  /** Paths of the sockets of SSH agents, by id. */
  agents: ReadonlyMap<string, string>;
}

const EXIT_CODE = /did not complete successfully: exit code: (\d+)/;
const STDERR = 2;

/**
 * Runs one command at a builder: the layers below are offered as an image, and the layer of its changes comes back.
 *
 * @throws JettisonError `BUILDER_FAILED`, `BUILDER_UNREACHABLE`, `BUILDER_UNSUITABLE`
 */
export async function runAtBuilder(
  connection: BuilderConnection,
  run: RemoteRun,
  services: RemoteRunServices,
  offers: Offers,
): Promise<RemoteResult> {
  const { store } = offers;
  const { manifest, digests } = writeImage(store, run);
  const timeout = new AbortController();
  const clock = commandClock(run.timeoutMs, () => timeout.abort(new Error('time is up')));
  const layers = new Map(run.below.map((layer) => [layer.blob.digest, layer]));
  const offered = {
    has: (digest: Digest) => digests.has(digest),
    fetch: async (digest: Digest) => {
      const layer = layers.get(digest);
      if (layer !== undefined) await services.fetch(layer);
    },
  };
  let failure: unknown;
  try {
    const digest = await solveRemotely(
      connection,
      {
        name: run.title.slice(0, 100).replaceAll(/[^\x20-\x7e]/g, '?'),
        key: sha256(`jettison ${run.stage}`),
        services: [
          filesyncService(filesOf(run, services), (error) => {
            failure ??= error;
          }),
          contentService(store.blobs, new Map([[BELOW, offered]])),
          ...confidentialServices(run, offers),
        ],
        attributes: attributesOf(run, manifest),
        entitlements: [
          ...(run.network === 'host' ? ['network.host'] : []),
          ...(run.insecure ? ['security.insecure'] : []),
        ],
        onStatus: (status) => report(status, services, clock.start),
      },
      AbortSignal.any([services.signal, timeout.signal]),
    );
    return { kind: 'done', layer: newLayer(store, digest, run, connection.address.text) };
  } catch (error) {
    services.signal.throwIfAborted();
    if (timeout.signal.aborted) return { kind: 'failed', exitCode: 137, timedOut: true };
    const exitCode = EXIT_CODE.exec((error as Error).message)?.[1];
    if (exitCode !== undefined) return { kind: 'failed', exitCode: Number(exitCode), timedOut: false };
    // The reason is here: the builder only says that it could not read a file.
    throw failure instanceof JettisonError && failure.code.startsWith('CONTEXT_') ? failure : error;
  } finally {
    clock.stop();
  }
}

/** The secrets and SSH agents that the command's mounts name; a builder can ask for no others. */
function confidentialServices({ mounts }: RemoteRun, { secrets, agents }: Offers): SessionService[] {
  const named = <V>(type: RemoteMount['type'], all: ReadonlyMap<string, V>) => {
    const ids = new Set(mounts.map((mount) => (mount.type === type && 'id' in mount ? mount.id : undefined)));
    return new Map([...all].filter(([id]) => ids.has(id)));
  };
  const ofRun = { secrets: named('secret', secrets), agents: named('ssh', agents) };
  return [
    ...(ofRun.secrets.size > 0 ? [secretsService(ofRun.secrets)] : []),
    ...(ofRun.agents.size > 0 ? [sshService(ofRun.agents)] : []),
  ];
}

/** An image of the layers below, with the command's variables, directory and user. */
function writeImage(store: Store, { below, platform, env, cwd, user }: RemoteRun) {
  const config: ImageConfig = {
    ...platform,
    config: { Env: [...env], WorkingDir: cwd, ...(user !== '' && { User: user }) },
    rootfs: { type: 'layers', diff_ids: below.map(({ diffId }) => diffId) },
    history: [],
  };
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config: store.blobs.writeJson(config, MEDIA.ociConfig),
    layers: below.map(({ blob }) => ({ mediaType: blob.mediaType, digest: blob.digest, size: blob.size })),
  };
  const { digest } = store.blobs.writeJson(manifest, MEDIA.ociManifest);
  const digests = new Set([digest, manifest.config.digest, ...below.map(({ blob }) => blob.digest)]);
  return { manifest: digest, digests };
}

function filesOf(run: RemoteRun, { read }: RemoteRunServices): Map<string, SentFiles> {
  const files = new Map<string, SentFiles>([
    ['dockerfile', { tree: fileTree({ Dockerfile: runDockerfile(run) }) }],
    ['context', { tree: fileTree({}) }],
  ]);
  if (run.script !== undefined) files.set(SCRIPT, { tree: fileTree(scriptFiles(run.script), 0o755) });
  for (const [at, mount] of run.mounts.entries()) {
    if (mount.type === 'files') files.set(filesContext(at), { tree: mount.tree, readLayer: read });
  }
  return files;
}

/** Options of the frontend: see `frontend/dockerui` of BuildKit. */
function attributesOf(run: RemoteRun, manifest: Digest): Record<string, string> {
  const { mounts, hiddenEnv, hosts, ulimits, shmSize, hostname, noCache, platform, script } = run;
  const attributes: Record<string, string> = {
    platform: formatPlatform(platform),
    [`context:${BELOW}`]: `oci-layout://${BELOW}@${manifest}`,
  };
  if (script !== undefined) attributes[`context:${SCRIPT}`] = `local:${SCRIPT}`;
  for (const [at, { type }] of mounts.entries()) {
    if (type === 'files') attributes[`context:${filesContext(at)}`] = `local:${filesContext(at)}`;
  }
  for (const variable of hiddenEnv) {
    const [name, value] = variable.split(/=(.*)/s);
    attributes[`build-arg:${name}`] = value ?? '';
  }
  if (hosts.length > 0) attributes['add-hosts'] = hosts.map(([name, ip]) => `${name}=${ip}`).join(',');
  if (ulimits.length > 0) {
    attributes['ulimit'] = ulimits.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`).join(',');
  }
  if (shmSize !== undefined) attributes['shm-size'] = String(shmSize);
  if (hostname !== undefined) attributes['hostname'] = hostname;
  if (noCache) attributes['no-cache'] = '';
  return attributes;
}

function report({ vertices, logs }: SolveStatus, { onOutput }: RemoteRunServices, start: () => void): void {
  if (vertices.some(({ name, started }) => started !== undefined && /\] RUN /.test(name))) start();
  for (const { stream, data } of logs) onOutput({ stream: stream === STDERR ? 'stderr' : 'stdout', data });
}

/** The layer on top of those below; undefined if there is none. @throws JettisonError `BUILDER_FAILED` */
function newLayer({ blobs }: Store, digest: Digest, { below }: RemoteRun, builder: string) {
  const { manifest, config } = returnedImage(blobs, digest, builder);
  const { diff_ids: diffIds } = config.rootfs;
  const isOnTop = below.every(({ diffId }, at) => diffIds[at] === diffId);
  if (!isOnTop || diffIds.length > below.length + 1 || manifest.layers.length !== diffIds.length) {
    throw unusableImage(builder, 'it has other layers than those that the builder was given');
  }
  const blob = manifest.layers[below.length];
  const diffId = diffIds[below.length];
  return blob === undefined || diffId === undefined ? undefined : { blob, diffId };
}

/** Measures the time of the command alone, from its start at the builder. */
function commandClock(ms: number | undefined, onEnd: () => void) {
  let timer: NodeJS.Timeout | undefined;
  return {
    start: () => {
      if (ms !== undefined) timer ??= setTimeout(onEnd, ms);
    },
    stop: () => clearTimeout(timer),
  };
}
