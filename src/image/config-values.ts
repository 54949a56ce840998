import type { RuntimeConfig } from './types.ts';

/** As `ExposedPorts` has it: `8080/tcp`, or without the protocol. */
const TCP_PORT = /^(\d{1,5})(?:\/tcp)?$/;

/**
 * The TCP ports that an image exposes, sorted.
 *
 * @param config as an image brings it: names that are no ports are left out
 */
export function tcpPorts({ ExposedPorts }: Pick<RuntimeConfig, 'ExposedPorts'>): number[] {
  const ports = new Set<number>();
  for (const name of Object.keys(ExposedPorts ?? {})) {
    const [, port] = TCP_PORT.exec(name) ?? [];
    if (port !== undefined) ports.add(Number(port));
  }
  return [...ports].sort((a, b) => a - b);
}

/** The variables of `Env` by name; of two with one name, the last. */
export function envVariables(env: readonly string[]): Map<string, string> {
  return new Map(
    env.map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}
