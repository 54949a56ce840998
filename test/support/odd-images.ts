import type { ImageConfig } from '../../src/image/types.ts';

/** Members of a config, as a path, that can have something odd as their value. */
export const CONFIG_MEMBERS = [
  'created',
  'author',
  'os',
  'architecture',
  'variant',
  'rootfs',
  'rootfs.type',
  'rootfs.diff_ids',
  'history',
  'history.0',
  'history.0.created',
  'history.0.created_by',
  'history.0.comment',
  'history.0.author',
  'history.0.empty_layer',
  'config',
  'config.User',
  'config.ExposedPorts',
  'config.Env',
  'config.Entrypoint',
  'config.Cmd',
  'config.Volumes',
  'config.WorkingDir',
  'config.Labels',
  'config.StopSignal',
  'config.Shell',
  'config.OnBuild',
  'config.ArgsEscaped',
  'config.Healthcheck',
  'config.Healthcheck.Test',
  'config.Healthcheck.Interval',
  'config.Healthcheck.Timeout',
  'config.Healthcheck.StartPeriod',
  'config.Healthcheck.StartInterval',
  'config.Healthcheck.Retries',
];

/** A value of every kind that JSON has. */
export const ODD_VALUES: unknown[] = [
  null,
  0,
  -1,
  1.5,
  1e30,
  true,
  '',
  'text',
  '30s',
  [],
  [null],
  [1],
  ['a'],
  [[]],
  [{}],
  {},
  { a: null },
  { a: 1 },
  { a: 'b' },
  { a: {} },
  { a: [] },
];

/** A sound config with another value at one place; undefined leaves it out. */
export function oddConfig(member: string, value: unknown, diffIds: string[] = []): object {
  const config = {
    os: 'linux',
    architecture: 'amd64',
    config: { Healthcheck: { Test: ['CMD', 'x'] } },
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: diffIds.length > 0 ? [{ created_by: 'x' }] : [{ created_by: 'x', empty_layer: true }],
  };
  let at = config as unknown as Record<string, unknown>;
  const path = member.split('.');
  const last = path.pop()!;
  for (const name of path) at = at[name] as Record<string, unknown>;
  at[last] = value;
  return config satisfies Partial<Record<keyof ImageConfig, unknown>>;
}
