import { readFileSync } from 'node:fs';
import type { ListeningSocket } from './probe-result.ts';

/** The state LISTEN of `/proc/PID/net/tcp`. */
const LISTEN = '0A';
const LINE = /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) /;

/** TCP sockets that listen in a process's network, sorted by port; empty if they cannot be read. */
export function listeningSockets(pid: number): ListeningSocket[] {
  const text = ['tcp', 'tcp6'].map((name) => readText(`/proc/${pid}/net/${name}`)).join('\n');
  return parseListening(text);
}

/**
 * The listening sockets of the text of `/proc/net/tcp` or `tcp6`, where addresses are words in the byte order of the
 * machine (little endian).
 */
export function parseListening(text: string): ListeningSocket[] {
  const found = new Map<string, ListeningSocket>();
  for (const line of text.split('\n')) {
    const [, hex, port, state] = LINE.exec(line) ?? [];
    if (hex === undefined || state !== LISTEN) continue;
    const socket = { address: address(hex), port: Number.parseInt(port!, 16) };
    found.set(`${socket.address} ${socket.port}`, socket);
  }
  return [...found.values()].sort((a, b) => a.port - b.port || (a.address < b.address ? -1 : 1));
}

/** Whether a socket can be reached from outside of its container. */
export function isReachable({ address }: ListeningSocket): boolean {
  return !/^127\.|^::1$|^::ffff:127\./.test(address);
}

/** The ports, in order, on which sockets can be reached from outside of their container. */
export function reachablePorts(sockets: readonly ListeningSocket[]): number[] {
  return [...new Set(sockets.filter(isReachable).map(({ port }) => port))].sort((a, b) => a - b);
}

function address(hex: string): string {
  const words = hex.match(/.{8}/g)!.map((word) => word.match(/../g)!.reverse().join(''));
  if (words.length === 1) return dotted(words[0]!);
  if (hex.startsWith('0'.repeat(16)) && words[2] === '0000FFFF') return `::ffff:${dotted(words[3]!)}`;
  const groups = words
    .join('')
    .match(/.{4}/g)!
    .map((group) => Number.parseInt(group, 16).toString(16));
  const full = groups.join(':');
  if (full === '0:0:0:0:0:0:0:0') return '::';
  return full === '0:0:0:0:0:0:0:1' ? '::1' : full;
}

function dotted(word: string): string {
  return word
    .match(/../g)!
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
