import { parseArgs } from 'node:util';
import { type Container, isLive, listContainers, shortContainerId, statusOf } from '../../run/container.ts';
import { openStore } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { age, duration, oneLine } from '../print/docker-units.ts';
import { OUTPUT_OPTIONS, printList } from '../print/list-output.ts';

const help = `Usage: jettison ps [OPTIONS]

Lists containers: those that run, with -a also those that have ended.

Options:
  -a, --all         Also containers that do not run any more
      --format FORMAT  table, json (an object a line), or a template such as '{{.Names}} {{.Status}}'
      --json        Everything known of them, as one JSON array
      --no-trunc    Whole ids and commands
  -q, --quiet       Only the ids
`;

const SHORT_COMMAND = 20;

async function run(args: string[], io: Io): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      all: { type: 'boolean', short: 'a' },
      ...OUTPUT_OPTIONS,
      'no-trunc': { type: 'boolean' },
      quiet: { type: 'boolean', short: 'q' },
    },
  });
  const store = openStore({ env: io.env });
  const containers = listContainers(store)
    .filter((container) => values.all || isLive(container))
    .reverse();
  store.close();
  const idOf = ({ config }: Container) => (values['no-trunc'] ? config.id : shortContainerId(config.id));
  if (values.quiet) {
    io.stdout.write(containers.map((container) => `${idOf(container)}\n`).join(''));
    return 0;
  }
  const rows = containers.map((container) => {
    const { config, state } = container;
    const command = config.request.process.args.join(' ');
    return {
      ID: idOf(container),
      Image: config.image,
      Command: `"${values['no-trunc'] || command.length <= SHORT_COMMAND ? command : `${command.slice(0, SHORT_COMMAND - 1)}…`}"`,
      CreatedAt: config.created,
      RunningFor: age(config.created),
      Status: statusText(container),
      State: statusOf(container),
      Health: state.health?.status ?? '',
      Ports: mappedPorts(container).join(', '),
      Names: config.name,
    };
  });
  printList(
    io,
    {
      columns: [
        ['ID', 'CONTAINER ID'],
        ['Image', 'IMAGE'],
        ['Command', 'COMMAND'],
        ['RunningFor', 'CREATED'],
        ['Status', 'STATUS'],
        ['Ports', 'PORTS'],
        ['Names', 'NAMES'],
      ],
      more: ['CreatedAt', 'State', 'Health'],
      rows,
      shrink: ['IMAGE', 'COMMAND'],
      facts: containers.map(describe),
    },
    values,
  );
  return 0;
}

/** On this machine's own network no port is mapped, whatever was to be published. */
function mappedPorts({ config }: Container): string[] {
  return config.request.network === 'private' ? config.ports : [];
}

/** `Up 5 minutes (healthy)`, `Exited (0) 2 hours ago`. */
function statusText(container: Container): string {
  const { state } = container;
  switch (statusOf(container)) {
    case 'created':
      return 'Created';
    case 'dead':
      return 'Dead';
    case 'exited':
      return `Exited (${state.exitCode}) ${age(state.finished)}`;
    default: {
      const health =
        state.health === undefined
          ? ''
          : ` (${state.health.status === 'starting' ? 'health: starting' : state.health.status})`;
      return `Up ${duration(state.started)}${health}`;
    }
  }
}

function describe(container: Container) {
  const { config, state } = container;
  return {
    id: config.id,
    name: config.name,
    image: config.image,
    imageId: config.imageId,
    command: config.request.process.args,
    created: config.created,
    status: statusOf(container),
    started: state.started ?? null,
    finished: state.finished ?? null,
    exitCode: state.exitCode ?? null,
    error: state.error === undefined ? null : oneLine(state.error),
    ports: mappedPorts(container),
    health: state.health ?? null,
  };
}

export const command: Command = { help, run };
