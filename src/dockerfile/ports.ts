/** A parsed word of EXPOSE. */
export interface ExposedPorts {
  /** As in the image's config: `8080/tcp`. */
  ports: string[];
  /** The protocol is not in lower case (ExposeProtoCasing). */
  oddCasing: boolean;
  /** It has an address or a port of the host, which EXPOSE ignores (ExposeInvalidFormat). */
  namesHost: boolean;
}

/**
 * Parses a word of EXPOSE: `[[address:]host-port:]port[-last][/tcp|udp|sctp]`.
 * @returns for an invalid word the reason, as a sentence
 */
export function parsePorts(word: string): ExposedPorts | string {
  const pieces = word.split(':');
  const container = pieces.pop()!;
  const host = pieces.pop() ?? '';
  const address = pieces.join(':');
  const slash = container.indexOf('/');
  const range = slash < 0 ? container : container.slice(0, slash);
  const protocol = (slash < 0 ? '' : container.slice(slash + 1)) || 'tcp';
  if (range === '') return `"${word}" has no port`;
  if (!['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase()))
    return `"${protocol}" is not tcp, udp or sctp`;
  if (address !== '' && !isAddress(address)) return `"${address}" is not an IP address`;
  const ports = readRange(range);
  if (!ports) return `"${range}" is not a port between 0 and 65535, nor a range of ports`;
  if (host !== '') {
    const hostPorts = readRange(host);
    if (!hostPorts) return `"${host}" is not a port between 0 and 65535, nor a range of ports`;
    const [size, hostSize] = [ports, hostPorts].map(([first, last]) => last - first);
    if (size !== hostSize && size !== 0) return `"${host}" and "${range}" are ranges of different length`;
  }
  const [first, last] = ports;
  return {
    ports: Array.from(
      { length: last - first + 1 },
      (_, index) => `${first + index}/${protocol.toLowerCase()}`,
    ),
    oddCasing: protocol !== protocol.toLowerCase(),
    namesHost: address !== '' || host !== '',
  };
}

function readRange(text: string): [number, number] | undefined {
  const dash = text.indexOf('-');
  const first = readPort(dash < 0 ? text : text.slice(0, dash));
  const last = dash < 0 ? first : readPort(text.slice(dash + 1));
  return first === undefined || last === undefined || last < first ? undefined : [first, last];
}

function readPort(text: string): number | undefined {
  const port = /^\+?\d+$/.test(text) ? Number(text) : -1;
  return port >= 0 && port <= 65535 ? port : undefined;
}

function isAddress(text: string): boolean {
  const inner = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  const parts = inner.split('.');
  if (parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return true;
  return /^[0-9a-fA-F:.]+$/.test(inner) && inner.includes('::')
    ? true
    : /^(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}$/.test(inner);
}
