import { type Container, statusOf } from '../../run/container.ts';
import { pidOf } from '../../store/process-identity.ts';
import { Absent } from './template/values.ts';

/** Docker's value for an unset time. */
const NEVER = '0001-01-01T00:00:00Z';

/** A container in the format of `docker container inspect`, with the members that Jettison knows. */
export function describeContainer(container: Container) {
  const { config, state } = container;
  const { process, mounts, network, readonlyRoot, hostname } = config.request;
  const [path = '', ...args] = process.args;
  const status = statusOf(container);
  return {
    Id: config.id,
    Created: config.created,
    Path: path,
    Args: args,
    State: {
      Status: status,
      Running: status === 'running',
      Paused: false,
      Restarting: false,
      Dead: status === 'dead',
      Pid: status === 'running' && state.first !== undefined ? pidOf(state.first) : 0,
      ExitCode: state.exitCode ?? 0,
      Error: state.error ?? '',
      StartedAt: state.started ?? NEVER,
      FinishedAt: state.finished ?? NEVER,
      Health:
        state.health === undefined
          ? Absent.optional('object')
          : {
              Status: state.health.status,
              FailingStreak: state.health.failingStreak,
              Log: state.health.log.map(({ start, end, exitCode, output }) => ({
                Start: start,
                End: end,
                ExitCode: exitCode,
                Output: output,
              })),
            },
    },
    Image: config.imageId,
    Name: `/${config.name}`,
    HostConfig: {
      NetworkMode: network,
      AutoRemove: config.autoRemove,
      ReadonlyRootfs: readonlyRoot ?? false,
    },
    Mounts: mounts.flatMap((mount) =>
      'target' in mount ? [{ Type: mount.type, Destination: mount.target }] : [],
    ),
    Config: {
      Hostname: hostname ?? '',
      User: process.user,
      Env: process.env,
      Image: config.image,
      WorkingDir: process.cwd,
      StopSignal: config.stopSignal,
      StopTimeout: config.stopTimeout,
      Healthcheck: config.healthcheck ?? Absent.optional('object'),
      ExposedPorts: config.ports,
    },
  };
}
