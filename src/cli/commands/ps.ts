import { type Container, isLive, listContainers, shortContainerId, statusOf } from '../../run/container.ts';
import { openStore } from '../../store/store.ts';
import { defineCommand } from '../command.ts';
import { listFlags } from '../flags/common.ts';
import { age, duration, oneLine } from '../print/docker-units.ts';
import { printList } from '../print/list-output.ts';

const SHORT_COMMAND = 20;

/** The published ports. On the machine's network --publish has no effect. */
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

export const command = defineCommand({
  usage: 'jettison ps [OPTIONS]',
  about: 'Lists running containers, with -a also those that have ended.',
  flags: {
    ...listFlags('{{.Names}} {{.Status}}'),
    all: { short: 'a', help: 'Also containers that have ended' },
    'no-trunc': { help: 'Whole ids and commands' },
    quiet: { short: 'q', help: 'Only the ids' },
  },
  async run({ flags, io }) {
    const store = openStore({ env: io.env });
    const containers = listContainers(store)
      .filter((container) => flags.all || isLive(container))
      .reverse();
    store.close();
    const idOf = ({ config }: Container) => (flags['no-trunc'] ? config.id : shortContainerId(config.id));
    if (flags.quiet) {
      io.stdout.write(containers.map((container) => `${idOf(container)}\n`).join(''));
      return 0;
    }
    const rows = containers.map((container) => {
      const { config, state } = container;
      const command = config.request.process.args.join(' ');
      return {
        ID: idOf(container),
        Image: config.image,
        Command: `"${flags['no-trunc'] || command.length <= SHORT_COMMAND ? command : `${command.slice(0, SHORT_COMMAND - 1)}…`}"`,
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
      flags,
    );
    return 0;
  },
});
