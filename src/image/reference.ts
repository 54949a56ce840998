import { JettisonError } from '../errors/error.ts';
import { type Digest, isDigest } from './digest.ts';

/** The parts of a normalised image name: `node` is `docker.io`, `library/node`, `latest`. */
export interface Reference {
  /** Host of the registry, with its port if given: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  registry: string;
  /** Path of the repository inside the registry, e.g. `library/node`. */
  repository: string;
  /** Absent only in `name@digest`. */
  tag?: string;
  /** Digest of the manifest or index; it takes precedence over the tag. */
  digest?: Digest;
}

const HUB = 'docker.io';
const HUB_ALIASES = new Set([HUB, 'index.docker.io']);
const OFFICIAL = 'library/';
const MAX_REPOSITORY = 255;

const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const REGISTRY = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const REPOSITORY_RULE =
  'A repository has lower-case letters and digits, joined by single dots, one or two underscores, hyphens, or slashes.';
const TAG = /^\w[\w.-]{0,127}$/;

/**
 * Parses an image name by Docker's grammar, `[registry/]repository[:tag][@digest]`, and normalises it as Docker does:
 * the default registry is Docker Hub, `library/` precedes its one-word names, and without tag and digest the tag is
 * `latest`.
 *
 * @throws JettisonError `REFERENCE_INVALID`, which names the wrong part
 */
export function parseReference(text: string): Reference {
  const fail = (reason: string, hint: string): never => {
    const valid = validName(text);
    const advice = valid === undefined || hint.includes(valid) ? hint : `${hint} Did you mean ${valid}?`;
    throw new JettisonError('REFERENCE_INVALID', `invalid image name "${text}": ${reason}`, {
      hint: advice,
    });
  };
  if (text === '') fail('it is empty', 'Write a name such as app, app:1.0 or registry.example.com/team/app.');
  if (/^[0-9a-f]{64}$/.test(text)) {
    fail('64 hexadecimal digits are an image id', 'Give the image a name that cannot be taken for an id.');
  }
  const { registry, rest } = splitRegistry(text);
  if (!REGISTRY.test(registry)) {
    fail(`"${registry}" is not a registry`, 'The part before the first slash is a host name, or host:port.');
  }

  const at = rest.indexOf('@');
  const named = at < 0 ? rest : rest.slice(0, at);
  const digest = at < 0 ? undefined : rest.slice(at + 1);
  const colon = named.indexOf(':');
  let repository = colon < 0 ? named : named.slice(0, colon);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  if (registry === HUB && repository !== '' && !repository.includes('/')) repository = OFFICIAL + repository;

  if (repository !== repository.toLowerCase()) {
    fail(
      'a repository is written in lower case',
      validName(text) === text.replace(/^[^:@]*/, (name) => name.toLowerCase())
        ? `Write ${validName(text)}.`
        : REPOSITORY_RULE,
    );
  }
  if (!REPOSITORY.test(repository)) {
    fail(
      repository === '' ? 'the repository is missing' : `"${repository}" is not a repository`,
      REPOSITORY_RULE,
    );
  }
  if (repository.length > MAX_REPOSITORY) {
    fail('the repository is too long', `A repository has at most ${MAX_REPOSITORY} characters.`);
  }
  if (tag !== undefined && !TAG.test(tag)) {
    fail(
      tag === '' ? 'the tag after the colon is missing' : `"${tag}" is not a tag`,
      'A tag has 1 to 128 letters, digits, underscores, dots and hyphens, and starts with neither dot nor hyphen.',
    );
  }
  if (digest !== undefined && !isDigest(digest)) {
    fail(`"${digest}" is not a digest`, 'A digest is written sha256: followed by 64 hexadecimal digits.');
  }
  const effectiveTag = tag ?? (digest === undefined ? 'latest' : undefined);
  return {
    registry,
    repository,
    ...(effectiveTag === undefined ? {} : { tag: effectiveTag }),
    ...(digest === undefined ? {} : { digest: digest as Digest }),
  };
}

/** A similar valid name: in lower case, with hyphens for invalid characters; undefined without one. */
function validName(text: string): string | undefined {
  const [, name = '', tag] = /^([^@]*?)(?::([^/@]*))?(?:@.*)?$/.exec(text) ?? [];
  const parts = name
    .toLowerCase()
    .split('/')
    .map((part) => part.replace(/[^a-z0-9._:-]+/g, '-').replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, ''))
    .filter((part) => part !== '');
  const clean = tag?.replace(/[^\w.-]+/g, '-').replace(/^[^\w]+/, '');
  const valid = parts.join('/') + (clean ? `:${clean}` : '');
  const repository = parts.slice(parts.length > 1 && /[.:]|^localhost$/.test(parts[0]!) ? 1 : 0).join('/');
  return valid !== text && REPOSITORY.test(repository) && !/^[0-9a-f]{64}$/.test(valid) ? valid : undefined;
}

/** Docker's rule for the part before the first slash: a registry if it looks like a host, else a path. */
function splitRegistry(text: string): { registry: string; rest: string } {
  const slash = text.indexOf('/');
  const first = slash < 0 ? '' : text.slice(0, slash);
  const host = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  if (slash < 0 || !host) return { registry: HUB, rest: text };
  return { registry: HUB_ALIASES.has(first) ? HUB : first, rest: text.slice(slash + 1) };
}

/** The complete name: `docker.io/library/node:20`, `localhost:5000/app@sha256:…`. */
export function canonicalName(reference: Reference | string): string {
  const { registry, repository, tag, digest } = parsed(reference);
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** The short form that Docker prints: `node:20`, `team/app:latest`, `localhost:5000/app:1`. */
export function familiarName(reference: Reference | string): string {
  const { tag, digest, ...name } = parsed(reference);
  const suffix = `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
  return familiarRepository(name) + suffix;
}

/** The short form without tag and digest: `node`, `team/app`, `localhost:5000/app`. */
export function familiarRepository({
  registry,
  repository,
}: Pick<Reference, 'registry' | 'repository'>): string {
  const official = repository.startsWith(OFFICIAL) ? repository.slice(OFFICIAL.length) : '';
  if (registry === HUB && official !== '' && !official.includes('/')) return official;
  // A path on Docker Hub that looks like a host keeps its registry: otherwise it would be another image.
  return registry === HUB && splitRegistry(repository).rest === repository
    ? repository
    : `${registry}/${repository}`;
}

function parsed(reference: Reference | string): Reference {
  return typeof reference === 'string' ? parseReference(reference) : reference;
}
