import { existsSync } from 'node:fs';

/** Programs that connect a private network. */
export const HELPERS = ['pasta', 'slirp4netns'] as const;
export const findProgram = (name: string) =>
  ['/usr/bin', '/usr/sbin'].map((at) => `${at}/${name}`).find((path) => existsSync(path));
/** Makes a program impossible to run. */
export const hide = (name: string) =>
  findProgram(name) === undefined ? ':' : `mount --bind /dev/null ${findProgram(name)}`;

/** A network with two addresses and a name server, and a /dev/net/tun for everybody. */
export const MACHINE = `
ip link set lo up
ip link add out0 type veth peer name out1
ip address add 192.0.2.10/24 dev out0
ip address add 198.51.100.7/32 dev out0
ip link set out0 up
ip link set out1 up
ip route add default via 192.0.2.1
mount -t tmpfs none /mnt
mknod /mnt/tun c 10 200
chmod 666 /mnt/tun
mount --bind /mnt/tun /dev/net/tun
echo nameserver 198.51.100.7 >/mnt/resolv.conf
mount --bind /mnt/resolv.conf /etc/resolv.conf
`;

/** Why a changed machine cannot be had here, besides what every test needs. */
export function whyNoMachine(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can make a network for the test';
  if (findProgram('ip') === undefined) return 'iproute2 is not installed';
  return existsSync('/dev/net/tun') ? undefined : 'there is no /dev/net/tun';
}

/** The text of a program for Node that answers every request. */
export const web = (text: string, port: number, address?: string) =>
  `require('http').createServer((q, a) => a.end(${JSON.stringify(text)})).listen(${port}, ${JSON.stringify(address)});`;

/** The text of one that answers every question for an IPv4 address with 10.1.2.3, all others with nothing. */
export const nameServer = (
  address: string,
) => `{ const s = require('dgram').createSocket('udp4'); s.on('message', (m, r) => {
  const end = m.indexOf(0, 12) + 5, isA = m.readUInt16BE(end - 4) === 1;
  const h = Buffer.concat([m.subarray(0, 2), Buffer.from([0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0]), m.subarray(12, end)]);
  s.send(isA ? Buffer.concat([h, Buffer.from([192, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 1, 2, 3])]) : h, r.port, r.address);
}).bind(53, '${address}'); }`;

/** The text of a function `get` that asks for a URL. */
export const GET = `const http = require('http');
const get = (url) => new Promise((done) => http.get(url, { timeout: 5000 }, (a) => { let t = ''; a.on('data', (d) => t += d).on('end', () => done(t)); })
  .on('error', (e) => done('nothing')).on('timeout', function () { this.destroy(); }));`;
