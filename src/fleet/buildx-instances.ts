import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { type Fields, membersOf, textOf } from '../fields/json-values.ts';

/** A node of an instance, as an address, with what its programs need in the environment. */
export interface BuildxNode {
  address: string;
  env: NodeJS.ProcessEnv;
}

/** The names that `docker buildx create` has stored. */
export function buildxNames(env: NodeJS.ProcessEnv): string[] {
  try {
    return readdirSync(folderOf(env)).sort();
  } catch {
    return [];
  }
}

/**
 * The nodes of an instance of `docker buildx`; undefined if there is none of this name.
 *
 * @throws JettisonError `BUILDER_INVALID` for a damaged file, or a driver that has no address
 */
export function buildxInstance(name: string, env: NodeJS.ProcessEnv): BuildxNode[] | undefined {
  if (!buildxNames(env).includes(name)) return undefined;
  const path = join(folderOf(env), name);
  let instance: Fields;
  try {
    instance = membersOf(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new JettisonError('BUILDER_INVALID', `cannot read ${path}: ${(error as Error).message}`, {
      hint: `Create the builder again: docker buildx create --name ${name}`,
      cause: error,
    });
  }
  const nodes: unknown[] = Array.isArray(instance['Nodes']) ? instance['Nodes'] : [];
  const driver = textOf(instance['Driver']) ?? '';
  const found = nodes.map((node) => nodeOf(driver, node)).filter((node) => node !== undefined);
  if (found.length > 0 && found.length === nodes.length) return found;
  throw new JettisonError(
    'BUILDER_INVALID',
    `the builder "${name}" has the driver "${driver}", which has no address`,
    {
      hint:
        driver === 'kubernetes'
          ? 'Name its pod: kube-pod://POD?namespace=NAMESPACE. `kubectl get pods` lists them.'
          : 'Give the address of its BuildKit instead, such as tcp://HOST:1234.',
    },
  );
}

/** Drivers: https://docs.docker.com/build/builders/drivers/ */
function nodeOf(driver: string, node: unknown): BuildxNode | undefined {
  const { Name, Endpoint, DriverOpts } = membersOf(node);
  const name = textOf(Name);
  const endpoint = textOf(Endpoint) ?? '';
  const options = membersOf(DriverOpts);
  const isUrl = endpoint.includes('://');
  if (driver === 'remote' && isUrl) {
    const tls = { 'tls-ca': 'cacert', 'tls-cert': 'cert', 'tls-key': 'key', 'tls-name': 'servername' };
    const query = new URLSearchParams(
      Object.entries(tls).flatMap(([ours, theirs]) => {
        const value = textOf(options[theirs]);
        return value === undefined ? [] : [[ours, value] as [string, string]];
      }),
    ).toString();
    return { address: query === '' ? endpoint : `${endpoint}?${query}`, env: {} };
  }
  const env = isUrl ? { DOCKER_HOST: endpoint } : {};
  const isContext = !isUrl && endpoint !== '' && endpoint !== 'default';
  if (driver === 'docker' && !isContext) return { address: 'docker://', env };
  if (driver !== 'docker-container' || name === undefined) return undefined;
  const query = isContext ? `?context=${encodeURIComponent(endpoint)}` : '';
  return { address: `docker-container://buildx_buildkit_${name}${query}`, env };
}

function folderOf(env: NodeJS.ProcessEnv): string {
  const docker = env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker');
  return join(env['BUILDX_CONFIG'] || join(docker, 'buildx'), 'instances');
}
