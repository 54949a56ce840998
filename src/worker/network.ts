import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { JettisonError } from '../errors/error.ts';
import type { PublishedPort } from './protocol.ts';
import { findTool, needTool } from './tools.ts';

/** A program that connects a network namespace to the machine's network, without any rights on that. */
interface Helper {
  /** Address at which a command finds the machine's name server. */
  nameServer: string;
  /** @param folder where the helper may keep a socket */
  command(tool: string, first: number, ports: readonly PublishedPort[], folder: string): string[];
  /** What is left to do when its interface is there. */
  publish(ports: readonly PublishedPort[], folder: string): Promise<void>;
}

const POLL_MS = 10;
const PATIENCE_MS = 10_000;
const SLIRP_GUEST = '10.0.2.100';
/** A link-local address, which no other machine has. */
const PASTA_NAME_SERVER = '169.254.1.1';

const HELPERS: Record<'pasta' | 'slirp4netns', Helper> = {
  pasta: {
    nameServer: PASTA_NAME_SERVER,
    command: (tool, first, ports) => [
      tool,
      // As the user that it is started as: it must be able to join the namespace.
      ...[
        '--foreground',
        '--quiet',
        '--config-net',
        '--no-map-gw',
        '--runas=0:0',
        `--dns-forward=${PASTA_NAME_SERVER}`,
      ],
      ...(['tcp', 'udp'] as const).flatMap((protocol) => {
        const specs = ports.filter((port) => port.protocol === protocol).map(pastaPort);
        return [protocol === 'tcp' ? '-t' : '-u', specs.length === 0 ? 'none' : specs.join(',')];
      }),
      // What listens on this machine is not for the command.
      ...['-T', 'none', '-U', 'none', String(first)],
    ],
    publish: async () => {},
  },
  slirp4netns: {
    nameServer: '10.0.2.3',
    command: (tool, first, _ports, folder) => [
      tool,
      ...['--configure', '--mtu=65520', '--disable-host-loopback', `--api-socket=${slirpSocket(folder)}`],
      ...[String(first), 'tap0'],
    ],
    publish: async (ports, folder) => {
      for (const port of ports) await addForward(slirpSocket(folder), port);
    },
  },
};

/** The program of this machine that a private network can be made with; undefined without one. */
export function networkHelper(): 'pasta' | 'slirp4netns' | undefined {
  return (['pasta', 'slirp4netns'] as const).find((name) => findTool(name) !== undefined);
}

/** Text of /etc/resolv.conf in a private network. @param own the machine's */
export function privateResolvConf(own: string): string {
  const rest = own.split('\n').filter((line) => line !== '' && !/^\s*(nameserver|#|;)/.test(line));
  return [`nameserver ${HELPERS[needHelper()].nameServer}`, ...rest, ''].join('\n');
}

/** The connection of one command's network namespace to the machine's network. */
export class PrivateNetwork {
  private constructor(private readonly process: ChildProcess) {}

  /**
   * Connects the network namespace of a process.
   *
   * @param folder of the run, for sockets
   * @throws JettisonError `RUN_NETWORK`, with what the helper says; `TOOL_MISSING` without one
   */
  static async open(first: number, ports: readonly PublishedPort[], folder: string): Promise<PrivateNetwork> {
    const name = needHelper();
    const helper = HELPERS[name];
    const [program, ...args] = [
      ...[needTool('setpriv'), '--pdeathsig=KILL', '--'],
      ...helper.command(needTool(name), first, ports, folder),
    ] as [string, ...string[]];
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder });
    const network = new PrivateNetwork(child);
    let said = '';
    child.stderr!.on('data', (data) => {
      said = (said + data).slice(-4000);
    });
    const failed = (why: string) =>
      new JettisonError('RUN_NETWORK', `${name} could not connect the network: ${said.trim() || why}`, {
        hint: 'With --network host the command uses the network of this machine.',
      });
    try {
      for (const until = Date.now() + PATIENCE_MS; !hasInterface(first); ) {
        if (child.exitCode !== null || child.signalCode !== null) throw failed('it ended');
        if (Date.now() > until) throw failed('it takes too long');
        await sleep(POLL_MS);
      }
      await helper.publish(ports, folder);
      return network;
    } catch (error) {
      await network.close();
      throw error instanceof JettisonError ? error : failed((error as Error).message);
    }
  }

  async close(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const end = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await end;
  }
}

function needHelper(): 'pasta' | 'slirp4netns' {
  const name = networkHelper();
  if (name !== undefined) return name;
  throw new JettisonError(
    'TOOL_MISSING',
    'a private network needs pasta or slirp4netns, and neither is installed',
    {
      hint: 'Install the package passt, or use --network host.',
    },
  );
}

/** Whether the network namespace of a process has an interface besides the loopback. */
function hasInterface(pid: number): boolean {
  const names = readFileSync(`/proc/${pid}/net/dev`, 'latin1').matchAll(/^\s*([^\s:]+):/gm);
  return [...names].some(([, name]) => name !== 'lo');
}

function pastaPort({ address, host, container }: PublishedPort): string {
  return `${address === undefined ? '' : `${address}/`}${host}:${container}`;
}

function slirpSocket(folder: string): string {
  return join(folder, 'slirp');
}

/** Asks slirp4netns to listen on a port of this machine. */
function addForward(socket: string, { address, host, container, protocol }: PublishedPort): Promise<void> {
  const request = {
    execute: 'add_hostfwd',
    arguments: {
      proto: protocol,
      host_addr: address ?? '0.0.0.0',
      host_port: host,
      guest_addr: SLIRP_GUEST,
      guest_port: container,
    },
  };
  return new Promise((resolve, reject) => {
    const connection = connect(socket, () => connection.end(JSON.stringify(request)));
    let answer = '';
    connection.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    connection.on('error', reject);
    connection.on('close', () => {
      if (answer.includes('"error"')) reject(new Error(`port ${host}: ${answer.trim()}`));
      else resolve();
    });
  });
}
