import type { Healthcheck, HistoryEntry, ImageConfig, RuntimeConfig } from './types.ts';

/** The config members that an image inherits from its base. */
const MEMBERS = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'Healthcheck',
  'Shell',
  'OnBuild',
  'ArgsEscaped',
] as const satisfies readonly (keyof RuntimeConfig)[];

/**
 * The config that a build inherits from its base image. As in BuildKit an empty member (`""`, `[]`, `{}`, `null`,
 * `false`) counts as absent, and members outside the image format are left out.
 */
export function inheritedConfig(config: RuntimeConfig | null | undefined): RuntimeConfig {
  const { Healthcheck: health, ...members } = present(config, MEMBERS);
  // A health check without a test still replaces the one of the base image below.
  const given = config?.Healthcheck;
  return given ? { ...members, Healthcheck: present(given, HEALTH) as Healthcheck } : members;
}

const HEALTH = [
  'Test',
  'Interval',
  'Timeout',
  'StartPeriod',
  'StartInterval',
  'Retries',
] as const satisfies readonly (keyof Healthcheck)[];

/** The history of a base image, without empty members. */
export function inheritedHistory(history: ImageConfig['history'] | null): HistoryEntry[] {
  return (history ?? []).map((entry) =>
    present(entry, ['created', 'created_by', 'comment', 'author', 'empty_layer']),
  );
}

/** The members of an object that are not empty. */
function present<T extends object, K extends keyof T>(
  from: T | null | undefined,
  names: readonly K[],
): Partial<Pick<T, K>> {
  const found = names.filter((name) => {
    const value: unknown = from?.[name];
    return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value);
  });
  return Object.fromEntries(found.map((name) => [name, from![name]])) as Partial<Pick<T, K>>;
}
