import type { Reference } from '../image/reference.ts';

/** Which references a mirror serves: by digest only, by tag only, or all. */
export type MirrorAccess = 'all' | 'digest' | 'tag';

/** A mirror of a configuration file. */
export interface ConfiguredMirror {
  /** `host[:port][/part/of/a/name]`, or the URL of its API. */
  location: string | URL;
  insecure: boolean;
  access: MirrorAccess;
  /** File (with line) or variable, for messages. */
  origin: string;
}

/** The settings of all images with a name prefix. */
export interface RegistryRule {
  /** `host[:port][/name][:tag|@digest]`, or `*.host`. */
  prefix: string;
  /** Replaces the prefix when images are read; absent: no replacement. */
  location?: string;
  insecure: boolean;
  blocked: boolean;
  mirrors: ConfiguredMirror[];
  origin: string;
}

export type ReadReference = Pick<Reference, 'registry' | 'repository' | 'tag' | 'digest'>;

/** The rule with the longest matching prefix. */
export function findRule(rules: readonly RegistryRule[], reference: ReadReference): RegistryRule | undefined {
  let found: RegistryRule | undefined;
  for (const rule of rules) {
    if (!fits(rule.prefix, reference)) continue;
    if (found === undefined || rule.prefix.length > found.prefix.length) found = rule;
  }
  return found;
}

function fits(prefix: string, { registry, repository, tag, digest }: ReadReference): boolean {
  if (prefix.startsWith('*.')) return registry.endsWith(prefix.slice(1));
  if (!prefix.includes('/')) return registry === prefix;
  const name = `${registry}/${repository}`;
  const whole = [name, `${name}:${tag}`, `${name}@${digest}`];
  return whole.includes(prefix) || name.startsWith(`${prefix}/`);
}

/** The repository's name with the rule's prefix replaced by a location. */
export function relocated(
  { registry, repository }: ReadReference,
  prefix: string,
  location: string,
): { registry: string; repository: string } {
  const name = `${registry}/${repository}`;
  // A prefix with a tag or digest matches a whole name.
  const rest = prefix.startsWith('*.') ? `/${repository}` : name.slice(withoutTag(prefix).length);
  const moved = withoutTag(location) + rest;
  const slash = moved.indexOf('/');
  return slash < 0
    ? { registry: moved, repository }
    : { registry: moved.slice(0, slash), repository: moved.slice(slash + 1) };
}

function withoutTag(name: string): string {
  return name.includes('/') ? name.replace(/[:@][^/]*$/, '') : name;
}
