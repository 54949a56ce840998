import { closest } from '../errors/closest.ts';
import { EXIT, JettisonError } from '../errors/error.ts';
import { buildxInstance, buildxNames } from './buildx-instances.ts';
import { invalidBuilder, type Link, type LinkEnvironment } from './link.ts';
import { SCHEMES } from './schemes.ts';

/** A builder as it was named. */
export interface BuilderAddress {
  /** The text, for messages; it has no secret, as certificates are named by their files. */
  text: string;
  /** How many solves it takes at a time: `?max=`. */
  max: number | undefined;
  link: Link;
}

/**
 * Parses the address of a builder: `tcp://host:1234`, `docker://`, …, or the name of an instance of `docker buildx`.
 * An instance with several nodes gives several builders.
 *
 * @throws JettisonError `BUILDER_INVALID`, `BUILDER_UNKNOWN` with exit code 2
 */
export function parseBuilder(text: string, environment: LinkEnvironment): BuilderAddress[] {
  const scheme = /^([a-z][a-z0-9-]*):\/\//.exec(text)?.[1];
  if (scheme !== undefined) return [parseAddress(text, scheme, environment)];
  const nodes = buildxInstance(text, environment.env);
  if (nodes === undefined) throw unknownBuilder(text, environment.env);
  return nodes.map(({ address, env }) => {
    const [found] = parseBuilder(address, { ...environment, env: { ...environment.env, ...env } });
    return { ...found!, text: nodes.length === 1 ? text : `${text} (${address})` };
  });
}

/** The builders of several addresses, each once. */
export function parseBuilders(texts: readonly string[], environment: LinkEnvironment): BuilderAddress[] {
  return [...new Set(texts)].flatMap((text) => parseBuilder(text, environment));
}

function parseAddress(text: string, name: string, environment: LinkEnvironment): BuilderAddress {
  const scheme = SCHEMES[name];
  if (scheme === undefined) {
    throw invalidBuilder(`unknown scheme "${name}" of the builder "${text}"`, schemesHint());
  }
  if (!URL.canParse(text)) throw invalidBuilder(`invalid builder "${text}"`, schemesHint());
  const address = new URL(text);
  if (address.password !== '') {
    throw invalidBuilder(
      `the builder "${name}://${address.host}" has a password`,
      'Use a key of ssh, or certificates of TLS.',
    );
  }
  const known = [...scheme.parameters, 'max'];
  for (const parameter of address.searchParams.keys()) {
    if (known.includes(parameter)) continue;
    throw invalidBuilder(
      `unknown parameter "${parameter}" of the builder "${text}"`,
      `${name}:// takes ${known.join(', ')}.`,
    );
  }
  try {
    return { text, max: maxOf(address), link: scheme.link(address, environment) };
  } catch (error) {
    // Of decodeURIComponent.
    if (!(error instanceof URIError)) throw error;
    throw invalidBuilder(`invalid "%" in the builder "${text}"`, 'Write "%" itself as "%25".');
  }
}

function maxOf(address: URL): number | undefined {
  const text = address.searchParams.get('max');
  if (text === null) return undefined;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw invalidBuilder(`invalid max "${text}" of the builder "${address.href}"`, 'Write it like ?max=4.');
}

function schemesHint(): string {
  const examples = Object.values(SCHEMES).map(({ example }) => example);
  return `Write it like ${examples.slice(0, -1).join(', ')} or ${examples.at(-1)}.`;
}

function unknownBuilder(text: string, env: NodeJS.ProcessEnv): JettisonError {
  const names = buildxNames(env);
  const meant = closest(text, names);
  const hint =
    meant === undefined
      ? `${schemesHint()} \`jettison builder ls\` lists those of docker buildx.`
      : `Did you mean "${meant}"?`;
  return new JettisonError('BUILDER_UNKNOWN', `unknown builder "${text}"`, { hint, exitCode: EXIT.usage });
}
