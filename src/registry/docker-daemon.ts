import { BlockList, isIP } from 'node:net';
import { withoutUser } from '../errors/safe-text.ts';
import { invalidConfig, lineOf, readJsonConfig } from './config-file.ts';
import { hostName } from './endpoint.ts';
import type { ConfiguredMirror } from './registry-rules.ts';

/** The registry settings of Docker's `daemon.json`. */
export interface DaemonConfig {
  /** Mirrors of Docker Hub. */
  mirrors: ConfiguredMirror[];
  /** Whether any certificate, and plain http, is accepted for a registry. */
  isInsecure(registry: string): boolean;
}

/** @throws JettisonError `REGISTRY_CONFIG_INVALID` with file and line */
export function readDaemonConfig(path: string): DaemonConfig | undefined {
  const file = readJsonConfig(path);
  if (file === undefined) return undefined;
  const { value, text } = file;
  const list = (key: string): string[] => {
    const found = value[key] ?? [];
    if (Array.isArray(found) && found.every((one) => typeof one === 'string')) return found as string[];
    throw invalidConfig(path, `"${key}" must be a list of strings`, lineOf(text, `"${key}"`));
  };
  const mirrors = list('registry-mirrors').map((mirror): ConfiguredMirror => {
    const line = lineOf(text, mirror);
    const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
    if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
      throw invalidConfig(
        path,
        `invalid registry mirror "${withoutUser(mirror)}": it must be an http or https URL`,
        line,
      );
    }
    return { location: url, insecure: false, access: 'all', origin: `${path}:${line}` };
  });
  const hosts = list('insecure-registries').map((host) => host.replace(/^https?:\/\//, ''));
  return { mirrors, isInsecure: (registry) => hosts.some((host) => isMeant(host, registry)) };
}

/** Whether an entry of `insecure-registries` (host with or without port, or CIDR range) matches a registry. */
function isMeant(written: string, registry: string): boolean {
  const range = /^([0-9a-f.:]+)\/(\d+)$/i.exec(written);
  const host = hostName(registry);
  if (range === null) return registry === written.toLowerCase();
  const [, network = '', bits = ''] = range;
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || Number(bits) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
