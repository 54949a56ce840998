import { randomBytes, randomInt } from 'node:crypto';
import { JettisonError } from '../errors/error.ts';
import type { ExecRequest } from '../protocol/exec-request.ts';
import type { ContainerConfig, StoredContainer } from '../store/containers.ts';
import { processIdentity } from '../store/process-identity.ts';
import type { Store } from '../store/store.ts';

/** What of a command's request is known before its layers are there. */
export type ContainerRequest = Omit<ExecRequest, 'layers' | 'commit'>;

export type ContainerPlan = ContainerConfig<ContainerRequest>;
export type Container = StoredContainer<ContainerRequest>;

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** What a container can be said to be: `dead` is one whose supervisor was killed, and everything with it. */
export type Status = 'created' | 'running' | 'exited' | 'dead';

export function statusOf({ state, alive }: Container): Status {
  return state.status === 'exited' || alive ? state.status : 'dead';
}

/** Whether anything of it can still be running. */
export function isLive(container: Pick<Container, 'alive' | 'state'> | undefined): boolean {
  return container?.alive === true && container.state.status !== 'exited';
}

/** All containers, oldest first. Records that nobody wants any more are swept. */
export function listContainers(store: Store): Container[] {
  return store.containers.list<ContainerRequest>().filter((container) => {
    const { id, autoRemove } = container.config;
    if (!autoRemove || isLive(container)) return true;
    // Whoever was to remove it did not live to do so.
    if (!container.alive) store.containers.remove(id);
    return container.alive;
  });
}

/**
 * Finds a container by its name, its id or a unique beginning of that.
 *
 * @throws JettisonError `CONTAINER_UNKNOWN`, `CONTAINER_AMBIGUOUS`
 */
export function findContainer(store: Store, text: string): Container {
  const all = listContainers(store);
  const named = all.find(({ config }) => config.name === text);
  if (named !== undefined) return named;
  const matches = text === '' ? [] : all.filter(({ config }) => config.id.startsWith(text));
  if (matches.length > 1) {
    throw new JettisonError('CONTAINER_AMBIGUOUS', `"${text}" is the beginning of several containers' ids`, {
      hint: `Write more of it, or a name: ${matches.map(({ config }) => config.name).join(', ')}.`,
    });
  }
  if (matches[0] === undefined) {
    throw new JettisonError('CONTAINER_UNKNOWN', `there is no container "${text}"`, {
      hint: 'See `jettison ps -a` for what there is.',
    });
  }
  return matches[0];
}

/**
 * Enters a container into the store, as not started yet and looked after by this process.
 *
 * @param name without it one is found
 * @throws JettisonError `CONTAINER_NAME` for one that is no name, or taken
 */
export function createContainer(
  store: Store,
  plan: Omit<ContainerPlan, 'id' | 'name' | 'created'>,
  name: string | undefined,
): ContainerPlan {
  if (name !== undefined && !NAME.test(name)) {
    throw new JettisonError('CONTAINER_NAME', `invalid container name "${name}"`, {
      hint: 'Letters, digits, and after the first of them also "_", "." and "-".',
    });
  }
  for (;;) {
    const id = randomBytes(32).toString('hex');
    const config = { ...plan, id, name: name ?? randomName(), created: new Date().toISOString() };
    store.containers.create(config, { status: 'created', supervisor: processIdentity });
    // First entered, then looked for others: of two who take a name at once at least one sees the other.
    const other = listContainers(store).find(
      (one) => one.config.name === config.name && one.config.id !== id,
    );
    if (other === undefined) return config;
    store.containers.remove(id);
    if (name !== undefined) {
      throw new JettisonError(
        'CONTAINER_NAME',
        `the name "${name}" is taken by container ${shortContainerId(other.config.id)}`,
        {
          hint: `Remove that with \`jettison rm ${name}\`, or choose another name.`,
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

/** A name for a container that nobody named: `brisk-rudder`. */
function randomName(): string {
  return `${pick(QUALITIES)}-${pick(THINGS)}`;
}

function pick(words: string): string {
  const list = words.split(' ');
  return list[randomInt(list.length)]!;
}
