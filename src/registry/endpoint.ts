import { isIPv4 } from 'node:net';

/** Whether `host`, `host:port` or `[ipv6]:port` is this machine's loopback interface. */
export function isLoopback(host: string): boolean {
  const name = hostName(host).toLowerCase();
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    (isIPv4(name) && name.startsWith('127.'))
  );
}

/** The host without its port and without the brackets of an IPv6 address. */
export function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host);
  return bracketed !== null ? bracketed[1]! : host.replace(/:\d+$/, '');
}

/** Base URLs of a registry's API, in the order in which to try them: `https://ghcr.io`. */
export function endpoints(registry: string, insecure: boolean): URL[] {
  // Docker Hub's API is on another host than the name in references.
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  const schemes = isLoopback(host) ? ['http', 'https'] : insecure ? ['https', 'http'] : ['https'];
  return schemes.map((scheme) => new URL(`${scheme}://${host}`));
}
