import { randomBytes, randomInt } from 'node:crypto';
import { JettisonError } from '../errors/error.ts';
import type { ExecRequest } from '../protocol/exec-request.ts';
import type { ContainerConfig, StoredContainer } from '../store/containers.ts';
import { processIdentity } from '../store/process-identity.ts';
import type { Store } from '../store/store.ts';

/** A command's request without its layers, which are fetched later. */
export type ContainerRequest = Omit<ExecRequest, 'layers' | 'commit'>;

export type ContainerPlan = ContainerConfig<ContainerRequest>;
export type Container = StoredContainer<ContainerRequest>;

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** `dead`: the supervisor was killed, and the command with it. */
export type Status = 'created' | 'running' | 'exited' | 'dead';

export function statusOf({ state, alive }: Container): Status {
  return state.status === 'exited' || alive ? state.status : 'dead';
}

/** Whether a process of it may be running. */
export function isLive(container: Pick<Container, 'alive' | 'state'> | undefined): boolean {
  return container?.alive === true && container.state.status !== 'exited';
}

/** All containers, oldest first. Deletes records of dead `--rm` containers. */
export function listContainers(store: Store): Container[] {
  return store.containers.list<ContainerRequest>().filter((container) => {
    const { id, autoRemove } = container.config;
    if (!autoRemove || isLive(container)) return true;
    // Its supervisor was killed before it could remove the record.
    if (!container.alive) store.containers.remove(id);
    return container.alive;
  });
}

/**
 * Finds a container by its name, its id or a unique prefix of its id.
 *
 * @throws JettisonError `CONTAINER_UNKNOWN`, `CONTAINER_AMBIGUOUS`
 */
export function findContainer(store: Store, text: string): Container {
  const all = listContainers(store);
  const named = all.find(({ config }) => config.name === text);
  if (named !== undefined) return named;
  const matches = text === '' ? [] : all.filter(({ config }) => config.id.startsWith(text));
  if (matches.length > 1) {
    throw new JettisonError('CONTAINER_AMBIGUOUS', `several container ids start with "${text}"`, {
      hint: `Write more digits, or a name: ${matches.map(({ config }) => config.name).join(', ')}.`,
    });
  }
  if (matches[0] === undefined) {
    throw new JettisonError('CONTAINER_UNKNOWN', `unknown container "${text}"`, {
      hint: '`jettison ps -a` lists the containers.',
    });
  }
  return matches[0];
}

/**
 * Adds a container to the store: not started yet, supervised by this process.
 *
 * @param name default: a random one
 * @throws JettisonError `CONTAINER_NAME` for an invalid name, or one in use
 */
export function createContainer(
  store: Store,
  plan: Omit<ContainerPlan, 'id' | 'name' | 'created'>,
  name: string | undefined,
): ContainerPlan {
  if (name !== undefined && !NAME.test(name)) {
    throw new JettisonError('CONTAINER_NAME', `invalid container name "${name}"`, {
      hint: 'Use letters and digits, and after the first character also "_", "." and "-".',
    });
  }
  for (;;) {
    const id = randomBytes(32).toString('hex');
    const config = { ...plan, id, name: name ?? randomName(), created: new Date().toISOString() };
    store.containers.create(config, { status: 'created', supervisor: processIdentity });
    // Added first, then checked: of two processes that take a name at once, at least one sees the other.
    const other = listContainers(store).find(
      (one) => one.config.name === config.name && one.config.id !== id,
    );
    if (other === undefined) return config;
    store.containers.remove(id);
    if (name !== undefined) {
      throw new JettisonError(
        'CONTAINER_NAME',
        `the container name "${name}" is in use by ${shortContainerId(other.config.id)}`,
        {
          hint: `Remove that container with \`jettison rm ${name}\`, or choose another name.`,
        },
      );
    }
  }
}

export function shortContainerId(id: string): string {
  return id.slice(0, 12);
}

const QUALITIES =
  'agile bold brisk calm clear deft eager exact fleet frank keen light lucid merry neat plain prompt quick ready sharp sound steady swift trim vivid warm wise witty';
const THINGS =
  'anchor beacon boom bow buoy cabin capstan chart cleat compass deck dinghy galley hatch helm hull jib keel ketch lantern mast oar pennant pier rudder sail sextant spar tiller winch yawl';

/** A random container name: `brisk-rudder`. */
function randomName(): string {
  return `${pick(QUALITIES)}-${pick(THINGS)}`;
}

function pick(words: string): string {
  const list = words.split(' ');
  return list[randomInt(list.length)]!;
}
