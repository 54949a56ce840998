import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';

/** A node of an instance, as an address, with what its programs need in the environment. */
export interface BuildxNode {
  address: string;
  env: NodeJS.ProcessEnv;
}

interface Instance {
  Driver?: string;
  Nodes?: { Name?: string; Endpoint?: string; DriverOpts?: Record<string, string> | null }[];
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
  let instance: Instance;
  try {
    instance = JSON.parse(readFileSync(path, 'utf8')) as Instance;
  } catch (error) {
    throw new JettisonError('BUILDER_INVALID', `cannot read ${path}: ${(error as Error).message}`, {
      hint: `Create the builder again: docker buildx create --name ${name}`,
      cause: error,
    });
  }
  const nodes = Array.isArray(instance?.Nodes) ? instance.Nodes : [];
  const driver = String(instance?.Driver);
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
function nodeOf(driver: string, node: NonNullable<Instance['Nodes']>[number]): BuildxNode | undefined {
  const { Name: name = '', Endpoint: endpoint = '', DriverOpts: options } = node;
  const isUrl = endpoint.includes('://');
  if (driver === 'remote' && isUrl) {
    const tls = { 'tls-ca': 'cacert', 'tls-cert': 'cert', 'tls-key': 'key', 'tls-name': 'servername' };
    const query = new URLSearchParams(
      Object.entries(tls).flatMap(([ours, theirs]) => {
        const value = options?.[theirs];
        return value === undefined ? [] : [[ours, value] as [string, string]];
      }),
    ).toString();
    return { address: query === '' ? endpoint : `${endpoint}?${query}`, env: {} };
  }
  const env = isUrl ? { DOCKER_HOST: endpoint } : {};
  const isContext = !isUrl && endpoint !== '' && endpoint !== 'default';
  if (driver === 'docker' && !isContext) return { address: 'docker://', env };
  if (driver !== 'docker-container') return undefined;
  const query = isContext ? `?context=${encodeURIComponent(endpoint)}` : '';
  return { address: `docker-container://buildx_buildkit_${name}${query}`, env };
}

function folderOf(env: NodeJS.ProcessEnv): string {
  const docker = env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker');
  return join(env['BUILDX_CONFIG'] || join(docker, 'buildx'), 'instances');
}
