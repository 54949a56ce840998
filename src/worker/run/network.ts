import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { JettisonError } from '../../errors/error.ts';
import { type HelperName, networkHelper } from '../../machine/network-helper.ts';
import { needTool } from '../../machine/tools.ts';
import type { PublishedPort } from '../../protocol/exec-request.ts';
import { MS, mount, unmount } from '../native.ts';
import { checkPorts } from './port-forwards.ts';

/** A program that connects a network namespace to the machine's network without privileges. */
interface Helper {
  /** Addresses under which a command reaches the machine's first name server, for IPv4 and IPv6. */
  nameServers: { ipv4: string; ipv6: string };
  /** The command's arguments. It runs in a folder that contains `NAMESPACE`. */
  command(tool: string, ports: readonly PublishedPort[]): string[];
  /** Publishes ports once the network is connected. @param folder absolute path of the working directory */
  publish(ports: readonly PublishedPort[], folder: string): Promise<void>;
}

/** The network namespace, bound to a file: a helper that has dropped its privileges cannot open it in /proc. */
const NAMESPACE = 'network';
/** Written by pasta once the network is connected. */
const READY_FILE = 'pasta.pid';
/** File descriptor on which slirp4netns reports that. */
const READY_FD = 3;

const POLL_MS = 2;
const PATIENCE_MS = 10_000;
const SLIRP_GUEST = '10.0.2.100';
const SLIRP_SOCKET = 'slirp';
/** A link-local and a unique local address that no other machine uses. */
const PASTA_NAME_SERVERS = { ipv4: '169.254.1.1', ipv6: 'fd6a:6574:7469:736f::53' };

const HELPERS: Record<HelperName, Helper> = {
  pasta: {
    nameServers: PASTA_NAME_SERVERS,
    command: (tool, ports) => [
      tool,
      // Without changing the user: it must be able to join the namespace.
      ...[
        '--foreground',
        '--quiet',
        '--stderr',
        '--config-net',
        '--no-map-gw',
        '--runas=0:0',
        ...Object.values(PASTA_NAME_SERVERS).map((address) => `--dns-forward=${address}`),
        `--pid=${READY_FILE}`,
      ],
      ...(['tcp', 'udp'] as const).flatMap((protocol) => {
        const flag = protocol === 'tcp' ? '-t' : '-u';
        // One option per port: an address applies to all ports of an option.
        const specs = ports
          .filter((port) => port.protocol === protocol)
          .flatMap((port) => [flag, pastaPort(port)]);
        return specs.length === 0 ? [flag, 'none'] : specs;
      }),
      // Services of this machine's loopback must not be reachable from the command.
      ...['-T', 'none', '-U', 'none'],
      ...['--netns-only', '--no-netns-quit', '--netns', `./${NAMESPACE}`],
    ],
    publish: async () => {},
  },
  slirp4netns: {
    nameServers: { ipv4: '10.0.2.3', ipv6: '10.0.2.3' },
    command: (tool) => [
      tool,
      ...['--configure', '--mtu=65520', '--disable-host-loopback', `--api-socket=${SLIRP_SOCKET}`],
      ...[`--ready-fd=${READY_FD}`, '--netns-type=path', NAMESPACE, 'tap0'],
    ],
    publish: async (ports, folder) => {
      for (const port of ports) await addForward(join(folder, SLIRP_SOCKET), port);
    },
  },
};

/**
 * Text of /etc/resolv.conf in a private network. The machine's first name server is reached through the helper; others
 * are kept, unless they are on the machine's loopback.
 *
 * @param own text of the machine's /etc/resolv.conf
 */
export function privateResolvConf(own: string, helper: HelperName = needHelper()): string {
  const lines = own.split('\n').filter((line) => line !== '' && !/^\s*[#;]/.test(line));
  const isServer = (line: string) => /^\s*nameserver\s/.test(line);
  const [first = '', ...others] = lines.filter(isServer);
  const { ipv4, ipv6 } = HELPERS[helper].nameServers;
  const reachable = others.filter(
    (line) => !/^\s*nameserver\s+(127\.|::1\s*$|0\.0\.0\.0|::\s*$|fe80:)/i.test(line),
  );
  const rest = lines.filter((line) => !isServer(line));
  return [`nameserver ${first.includes(':') ? ipv6 : ipv4}`, ...reachable, ...rest, ''].join('\n');
}

/** The connection of one command's network namespace to the machine's network. */
export class PrivateNetwork {
  readonly #process: ChildProcess;
  readonly #namespace: string;

  private constructor(process: ChildProcess, namespace: string) {
    this.#process = process;
    this.#namespace = namespace;
  }

  /**
   * Connects the network namespace of a process.
   *
   * @param folder absolute path, for files of the helper
   * @throws JettisonError `RUN_NETWORK`, with the helper's message; `TOOL_MISSING` without a helper; `PORT_UNAVAILABLE`
   */
  static async open(first: number, ports: readonly PublishedPort[], folder: string): Promise<PrivateNetwork> {
    const name = needHelper();
    const helper = HELPERS[name];
    await checkPorts(ports);
    const [program, ...args] = [
      ...[needTool('setpriv'), '--pdeathsig=KILL', '--'],
      ...helper.command(needTool(name), ports),
    ] as [string, ...string[]];
    const namespace = join(folder, NAMESPACE);
    writeFileSync(namespace, '');
    mount(`/proc/${first}/ns/net`, namespace, 'none', MS.BIND);
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe'], cwd: folder });
    if (child.pid === undefined) {
      const [error] = (await once(child, 'error')) as [Error];
      unmount(namespace);
      throw cannotConnect(name, error.message);
    }
    const network = new PrivateNetwork(child, namespace);
    const ended = once(child, 'close');
    let said = '';
    child.stderr!.on('data', (data) => {
      said = (said + data).slice(-4000);
    });
    let ready = false;
    child.stdio[READY_FD]!.on('data', () => {
      ready = true;
    });
    const failed = (why: string) => cannotConnect(name, complaint(said) || why);
    try {
      for (const until = Date.now() + PATIENCE_MS; !ready && !hasContent(join(folder, READY_FILE)); ) {
        if (child.exitCode !== null || child.signalCode !== null) {
          await ended;
          throw failed('it ended');
        }
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
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const end = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await end;
    }
    unmount(this.#namespace);
  }
}

function cannotConnect(name: HelperName, why: string): JettisonError {
  return new JettisonError('RUN_NETWORK', `${name} could not connect the network: ${why}`, {
    hint: 'With --network host the command uses the network of this machine.',
  });
}

function needHelper(): HelperName {
  const helper = networkHelper();
  if ('name' in helper) return helper.name;
  throw new JettisonError('TOOL_MISSING', `a private network needs ${helper.missing}`, {
    hint: `${helper.hint}, or use --network host.`,
  });
}

function hasContent(path: string): boolean {
  try {
    return readFileSync(path).length > 0;
  } catch {
    return false;
  }
}

/** The error messages in a helper's output. */
function complaint(said: string): string {
  return said
    .replaceAll(/^(Failed to send \d+ bytes to syslog|No external routable interface for IPv6)\n?/gm, '')
    .trim();
}

function pastaPort({ address, host, container }: PublishedPort): string {
  return `${address === undefined ? '' : `${address}/`}${host}:${container}`;
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
