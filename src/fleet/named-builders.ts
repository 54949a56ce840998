/** The address of the Docker engine of this machine: `builder inspect` and `check` try it if none is named. */
export const RUNNING_ENGINE = 'docker://';

/** Addresses in JETTISON_BUILDERS, with spaces between; empty if it is not set. */
export function namedBuilders(env: NodeJS.ProcessEnv): string[] {
  return (env['JETTISON_BUILDERS'] ?? '').split(/\s+/).filter((text) => text !== '');
}
