import { setTimeout as sleep } from 'node:timers/promises';
import { JettisonError } from '../errors/error.ts';
import { tcpPorts } from '../image/config-values.ts';
import type { Descriptor, Healthcheck, RuntimeConfig } from '../image/types.ts';
import { networkHelper } from '../machine/network-helper.ts';
import type { PublishedPort } from '../protocol/exec-request.ts';
import { type ContainerPlan, type ContainerRequest, createContainer } from '../run/container.ts';
import { healthPlan } from '../run/health.ts';
import { checkHealth } from '../run/join.ts';
import { signalContainer } from '../run/stop.ts';
import { supervise } from '../run/supervise.ts';
import type { NamedImage } from '../store/lookup.ts';
import { pidOf } from '../store/process-identity.ts';
import type { Store } from '../store/store.ts';
import { CapturedOutput, printable } from './captured-output.ts';
import { runOnHost } from './host-command.ts';
import { freePort, getAnswer } from './http-answer.ts';
import { listeningSockets } from './listening.ts';
import { probeRequest } from './probe-request.ts';
import type { CheckedCommand, HttpAnswer, ListeningSocket, ProbeResult } from './probe-result.ts';

export interface ProbeOptions {
  rights?: 'plain' | 'hardened';
  readOnly?: boolean;
  /** `K=V`, overriding the image's. */
  env?: readonly string[];
  /** Paths that are asked for on each port, Default: `/`. */
  paths?: readonly string[];
  /** TCP ports in the container. Default: the exposed ones. */
  ports?: readonly number[];
  /** A command in the container, as `HEALTHCHECK CMD` has it: a JSON array, or a line for the image's shell. */
  probe?: string | undefined;
  /** A shell command on this machine, which finds the first port in `JETTISON_URL`, all in `JETTISON_URL_<PORT>`. */
  test?: { command: string; cwd: string; env: NodeJS.ProcessEnv } | undefined;
  /** Milliseconds to wait for an answer (30 s). */
  readyMs?: number;
  /** Milliseconds that a command without a port must run (2 s). */
  settleMs?: number;
  /** Milliseconds that each probe may take (30 s). */
  checkMs?: number;
  /** Milliseconds between the stop signal and the kill (5 s). */
  stopMs?: number;
  /** Downloads a layer's blob that the store lacks. Default: the image must be whole. */
  fetch?: (blob: Descriptor) => Promise<void>;
  signal?: AbortSignal;
}

const POLL_MS = 50;
const DEFAULT_READY_MS = 30_000;
const DEFAULT_SETTLE_MS = 2000;
const DEFAULT_CHECK_MS = 30_000;
const DEFAULT_STOP_MS = 5000;
const NS_PER_MS = 1e6;
/** Of a health check, as in Docker. */
const MOST_TRIES = 3;
/** A proxy whose service is still starting. */
const NOT_YET = [502, 503, 504];

/**
 * Runs an image once, as `jettison run` does, asks what it answers, and stops it. No container is left.
 *
 * @throws JettisonError `INTERRUPTED` when `signal` was aborted, `NO_COMMAND`
 */
export async function probeImage(
  store: Store,
  image: Pick<NamedImage, 'id' | 'descriptor' | 'config'>,
  options: ProbeOptions = {},
): Promise<ProbeResult> {
  const config = image.config.config ?? {};
  const network = 'name' in networkHelper() ? 'private' : 'host';
  const ports = await publishedPorts(config, network, options.ports);
  const { rights = 'plain', readOnly = false, env = [] } = options;
  const request = probeRequest(config, { rights, readOnly, env, network, ports });
  const taken = network === 'host' ? await firstTaken(ports) : undefined;
  if (taken !== undefined) {
    throw new JettisonError('PORT_TAKEN', `port ${taken} of this machine is in use`, {
      hint: 'Stop what uses it, or install the package passt: then a probed image has a network of its own.',
    });
  }
  const plan = createContainer(
    store,
    {
      image: image.id,
      imageId: image.id,
      manifest: image.descriptor,
      detached: false,
      autoRemove: true,
      ports: ports.map(({ host, container }) => `127.0.0.1:${host}:${container}`),
      stopSignal: config.StopSignal ?? 'SIGTERM',
      stopTimeout: (options.stopMs ?? DEFAULT_STOP_MS) / 1000,
      request,
    },
    undefined,
  );
  return new Probe(store, plan, config, ports, options).run({ image: image.id, rights, network });
}

/** One container, from its start to its end. */
class Probe {
  readonly #store: Store;
  readonly #plan: ContainerPlan;
  readonly #config: RuntimeConfig;
  readonly #ports: readonly PublishedPort[];
  readonly #options: ProbeOptions;
  readonly #kill = new AbortController();
  #exitCode: number | undefined;
  #hasEnded = false;
  #startFailure: Error | undefined;
  #listening: ListeningSocket[] = [];

  constructor(
    store: Store,
    plan: ContainerPlan,
    config: RuntimeConfig,
    ports: readonly PublishedPort[],
    options: ProbeOptions,
  ) {
    this.#store = store;
    this.#plan = plan;
    this.#config = config;
    this.#ports = ports;
    this.#options = options;
  }

  async run(facts: Pick<ProbeResult, 'image' | 'rights' | 'network'>): Promise<ProbeResult> {
    const logs = { stdout: new CapturedOutput(), stderr: new CapturedOutput() };
    const notes: string[] = [];
    const { signal } = this.#options;
    const interrupt = () => this.#kill.abort();
    signal?.addEventListener('abort', interrupt, { once: true });
    if (signal?.aborted) interrupt();
    let isStarted = () => {};
    const started = new Promise<void>((resolve) => {
      isStarted = resolve;
    });
    const end = supervise(this.#store, this.#plan, {
      fetch: this.#options.fetch ?? ((blob) => present(this.#store, blob)),
      output: (stream, data) => logs[stream].add(data),
      note: (text) => notes.push(printable(text)),
      started: () => isStarted(),
      signal: this.#kill.signal,
    }).then(
      (exitCode) => {
        this.#exitCode = exitCode;
        this.#hasEnded = true;
      },
      (error: Error) => {
        this.#startFailure = error;
        this.#hasEnded = true;
      },
    );
    try {
      await Promise.race([started, end]);
      const begun = Date.now();
      const { outcome, answers } = await this.#wait(facts.network);
      const readyMs = Date.now() - begun;
      const checks = outcome === 'answered' ? await this.#check() : {};
      const exitCode = this.#exitCode;
      const stop = outcome === 'failed' || this.#hasEnded ? undefined : await this.#stop(end);
      await end;
      if (signal?.aborted) throw new JettisonError('INTERRUPTED', 'interrupted', { exitCode: 130 });
      return {
        ...facts,
        outcome,
        ...(outcome === 'failed' ? { error: printable(this.#startFailure!.message) } : {}),
        readyMs,
        ...(exitCode === undefined ? {} : { exitCode }),
        listening: this.#listening,
        answers,
        ...checks,
        logs: { stdout: logs.stdout.get(), stderr: logs.stderr.get() },
        ...(stop === undefined ? {} : { stop }),
        notes,
      };
    } finally {
      this.#kill.abort();
      await end;
      signal?.removeEventListener('abort', interrupt);
    }
  }

  /** Waits until every port answers, the command ends, or the time is over. */
  async #wait(network: 'private' | 'host'): Promise<Pick<ProbeResult, 'outcome' | 'answers'>> {
    const { readyMs = DEFAULT_READY_MS, settleMs = DEFAULT_SETTLE_MS } = this.#options;
    const isAsked = this.#ports.length > 0;
    const until = Date.now() + (isAsked ? readyMs : Math.min(settleMs, readyMs));
    let answers: HttpAnswer[] = [];
    for (;;) {
      if (this.#hasEnded) return { outcome: this.#startFailure === undefined ? 'ended' : 'failed', answers };
      if (network === 'private') this.#look();
      const isOver = Date.now() >= until;
      if (isAsked && (isOver || this.#mayAnswer(network))) {
        answers = await this.#ask(Math.max(1000, until - Date.now()));
        if (answers.every(({ status }) => status !== 0 && !NOT_YET.includes(status))) {
          return { outcome: 'answered', answers };
        }
      }
      if (isOver && !this.#hasEnded) {
        const isSome = !isAsked || answers.some(({ status }) => status !== 0);
        return { outcome: isSome ? 'answered' : 'silent', answers };
      }
      await sleep(POLL_MS);
    }
  }

  /** Remembers the sockets that listen: what is asked for is known even if the command ends. */
  #look(): void {
    const first = this.#store.containers.get<ContainerRequest>(this.#plan.id)?.state.first;
    const now = first === undefined ? [] : listeningSockets(pidOf(first));
    if (now.length > 0) this.#listening = now;
  }

  /** A port of the machine accepts connections before something listens in the container: then it is not asked. */
  #mayAnswer(network: 'private' | 'host'): boolean {
    return (
      network === 'host' ||
      this.#ports.some(({ container }) => this.#listening.some(({ port }) => port === container))
    );
  }

  async #ask(timeoutMs: number): Promise<HttpAnswer[]> {
    const { paths = ['/'], checkMs = DEFAULT_CHECK_MS } = this.#options;
    const answers: HttpAnswer[] = [];
    for (const { host, container } of this.#ports) {
      for (const path of paths) {
        answers.push(await getAnswer(host, container, path, Math.min(checkMs, timeoutMs)));
      }
    }
    return answers;
  }

  async #check(): Promise<Pick<ProbeResult, 'health' | 'probe' | 'test'>> {
    const { probe, test, checkMs = DEFAULT_CHECK_MS, signal } = this.#options;
    const { Healthcheck: own } = this.#config;
    const health = own?.Test === undefined ? undefined : await this.#health(own.Test, own);
    const probed = probe === undefined ? undefined : await this.#inside(commandOf(probe), undefined);
    const tested =
      test === undefined || this.#hasEnded
        ? undefined
        : await runOnHost(test.command, {
            cwd: test.cwd,
            env: { ...test.env, ...urls(this.#ports) },
            timeoutMs: checkMs,
            signal,
          });
    return {
      ...(health === undefined ? {} : { health }),
      ...(probed === undefined ? {} : { probe: probed }),
      ...(tested === undefined ? {} : { test: tested }),
    };
  }

  /** A container is unhealthy only after several failures in a row: a slow start must not count. */
  async #health(test: string[], { Timeout, Retries }: Healthcheck): Promise<CheckedCommand | undefined> {
    let result: CheckedCommand | undefined;
    for (let tries = Math.min(Retries || MOST_TRIES, MOST_TRIES); tries > 0; tries--) {
      result = await this.#inside(test, Timeout);
      if (result === undefined || result.exitCode === 0 || this.#hasEnded) break;
    }
    return result;
  }

  /** Runs a command in the container, as its health check would be. */
  async #inside(test: string[], timeoutNs: number | undefined): Promise<CheckedCommand | undefined> {
    const { checkMs = DEFAULT_CHECK_MS } = this.#options;
    const timeout = Math.min(checkMs * NS_PER_MS, timeoutNs || Number.POSITIVE_INFINITY);
    const plan = healthPlan({ Test: test, Timeout: timeout }, this.#config.Shell);
    const container = this.#store.containers.get<ContainerRequest>(this.#plan.id);
    if (plan === undefined || container === undefined) return undefined;
    const { exitCode, output } = await checkHealth(container.config, container.state, plan);
    return { command: printable(plan.args.join(' ')), exitCode, output: printable(output) };
  }

  async #stop(end: Promise<void>): Promise<NonNullable<ProbeResult['stop']>> {
    const begun = Date.now();
    const signal = this.#plan.stopSignal;
    const container = this.#store.containers.get<ContainerRequest>(this.#plan.id);
    try {
      if (container !== undefined) signalContainer(container, signal);
    } catch (error) {
      // It has just ended, or the image has a STOPSIGNAL that does not exist.
      if (!(error instanceof JettisonError)) throw error;
    }
    const isOver = sleep(this.#options.stopMs ?? DEFAULT_STOP_MS, false, { ref: false });
    const killed = !(await Promise.race([end.then(() => true), isOver]));
    if (killed) this.#kill.abort();
    await end;
    const ms = Date.now() - begun;
    return {
      signal,
      ms,
      killed,
      ...(killed || this.#exitCode === undefined ? {} : { exitCode: this.#exitCode }),
    };
  }
}

/** The arguments of a `HEALTHCHECK`: exec form or shell form. */
function commandOf(text: string): string[] {
  if (text.trimStart().startsWith('[')) {
    try {
      const words: unknown = JSON.parse(text);
      if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return ['CMD', ...words];
    } catch {
      // A line for the shell that begins with a bracket.
    }
  }
  return ['CMD-SHELL', text];
}

async function publishedPorts(
  config: RuntimeConfig,
  network: 'private' | 'host',
  chosen: readonly number[] | undefined,
): Promise<PublishedPort[]> {
  const published: PublishedPort[] = [];
  for (const container of chosen === undefined ? tcpPorts(config) : new Set(chosen)) {
    const host = network === 'host' ? container : await freePort();
    published.push({ address: '127.0.0.1', host, container, protocol: 'tcp' });
  }
  return published;
}

/** The first port on which something of this machine answers already. */
async function firstTaken(ports: readonly PublishedPort[]): Promise<number | undefined> {
  for (const { host } of ports) {
    const { error = '' } = await getAnswer(host, host, '/', 1000);
    if (!error.includes('ECONNREFUSED')) return host;
  }
  return undefined;
}

function urls(ports: readonly PublishedPort[]): NodeJS.ProcessEnv {
  const all = ports.map(({ host, container }) => [container, `http://127.0.0.1:${host}`] as const);
  return {
    ...(all[0] === undefined ? {} : { JETTISON_URL: all[0][1] }),
    ...Object.fromEntries(all.map(([port, url]) => [`JETTISON_URL_${port}`, url])),
  };
}

/** Accepts the blobs that the store has. */
async function present(store: Store, { digest }: Descriptor): Promise<void> {
  if (store.blobs.has(digest)) return;
  throw new JettisonError('BLOB_MISSING', `the store lacks the layer ${digest}`, {
    hint: 'Pull the image again.',
  });
}
