import { dialStdio, programArgument } from '../dial-stdio.ts';
import type { Scheme } from '../link.ts';

/** A container with `buildkitd` in the engine of the command `docker`. */
export const dockerContainer = containerScheme('docker', 'context');

/** The same, with Podman; `?connection=` is one of `podman system connection ls`. */
export const podmanContainer = containerScheme('podman', 'connection');

/** @param engine name of a parameter, and of a flag of the program, that chooses the engine */
function containerScheme(program: string, engine: string): Scheme {
  return {
    example: `${program}-container://NAME`,
    parameters: [engine],
    link(address, environment) {
      const chosen = address.searchParams.get(engine);
      const global = chosen === null ? [] : [`--${engine}`, programArgument(chosen, address)];
      const name = programArgument(decodeURIComponent(address.host), address);
      return dialStdio(
        [program, ...global, 'exec', '-i', name, 'buildctl', 'dial-stdio'],
        address,
        environment,
      );
    },
  };
}
