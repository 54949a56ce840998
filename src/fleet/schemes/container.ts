import { dialStdio, programArgument } from '../dial-stdio.ts';
import type { Link, LinkEnvironment, Scheme } from '../link.ts';

/** A container with `buildkitd` in the engine of the command `docker`. */
export const dockerContainer: Scheme = {
  example: 'docker-container://NAME',
  parameters: ['context'],
  link(address, environment) {
    const context = address.searchParams.get('context');
    const global = context === null ? [] : ['--context', programArgument(context, address)];
    return execLink('docker', global, address, environment);
  },
};

/** The same, with Podman; `?connection=` is one of `podman system connection ls`. */
export const podmanContainer: Scheme = {
  example: 'podman-container://NAME',
  parameters: ['connection'],
  link(address, environment) {
    const connection = address.searchParams.get('connection');
    const global = connection === null ? [] : ['--connection', programArgument(connection, address)];
    return execLink('podman', global, address, environment);
  },
};

function execLink(program: string, global: string[], address: URL, environment: LinkEnvironment): Link {
  const name = programArgument(decodeURIComponent(address.host), address);
  return dialStdio([program, ...global, 'exec', '-i', name, 'buildctl', 'dial-stdio'], address, environment);
}
