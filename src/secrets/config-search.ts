import type { ImageConfig } from '../image/types.ts';
import { searchText } from './block-search.ts';
import { VARIABLE_KIND } from './kind-titles.ts';
import { masked } from './masked-text.ts';
import { isRandom } from './randomness.ts';
import { isSecretValue, secrecyOf } from './secret-names.ts';

/** A secret in the config of an image, which everybody gets who pulls it. */
export interface ConfigSecret {
  /** The id of its kind. */
  kind: string;
  masked: string;
  length: number;
  /** What has it. `argument`: a build argument that the history names. */
  where: 'variable' | 'label' | 'command' | 'history' | 'argument';
  /** Of a variable, label, argument, or command (`Cmd`). */
  name?: string;
  /** Of what the history has: the position in it. */
  history?: number;
}

/** Secrets in what an image's config says: variables, labels, commands, and its history with build arguments. */
export function searchConfig({
  config = {},
  history = [],
}: Pick<ImageConfig, 'config' | 'history'>): ConfigSecret[] {
  const found: ConfigSecret[] = [];
  for (const pair of config.Env ?? []) {
    const [name, value] = split(pair);
    found.push(...ofVariable(name, value).map((one) => ({ ...one, where: 'variable' as const, name })));
  }
  for (const [name, value] of Object.entries(config.Labels ?? {})) {
    const isNamed = secrecyOf(name) === 'strong' && isRandom(value);
    const secrets = isNamed ? ofVariable(name, value) : inText(value);
    found.push(...secrets.map((one) => ({ ...one, where: 'label' as const, name })));
  }
  const commands = {
    ...{ Entrypoint: config.Entrypoint, Cmd: config.Cmd, Shell: config.Shell },
    ...{ Healthcheck: config.Healthcheck?.Test, OnBuild: config.OnBuild },
  };
  for (const [name, words] of Object.entries(commands)) {
    const secrets = (words ?? []).flatMap((word) => inText(word));
    found.push(...secrets.map((one) => ({ ...one, where: 'command' as const, name })));
  }
  for (const [at, { created_by: by = '', comment = '' }] of history.entries()) {
    const named = argumentsOf(by).flatMap(([name, value]) =>
      ofVariable(name, value).map((one) => ({ ...one, where: 'argument' as const, name, history: at })),
    );
    const texts = [...inText(by), ...inText(comment)].map((one) => ({
      ...one,
      where: 'history' as const,
      history: at,
    }));
    found.push(...named, ...texts);
  }
  return found.filter((one, at) => !found.slice(0, at).some((earlier) => repeats(one, earlier)));
}

/** The history repeats what instructions have set, and every RUN its build arguments. */
function repeats(one: ConfigSecret, earlier: ConfigSecret): boolean {
  if (one.masked !== earlier.masked || one.length !== earlier.length) return false;
  return one.where === 'history' || (one.where === earlier.where && one.name === earlier.name);
}

type Bare = Pick<ConfigSecret, 'kind' | 'masked' | 'length'>;

function inText(text: string): Bare[] {
  return searchText(text)
    .filter(({ isForged }) => !isForged)
    .map(({ kind: { id }, secret }) => ({ kind: id, masked: masked(secret), length: secret.length }));
}

function ofVariable(name: string, value: string): Bare[] {
  const known = inText(value);
  if (known.length > 0 || !isSecretValue(name, value, true)) return known;
  return [{ kind: VARIABLE_KIND.id, masked: masked(value), length: value.length }];
}

/** Build arguments as Docker writes them before a command: `|2 TOKEN=x A=y /bin/sh -c npm ci`. */
function argumentsOf(text: string): [name: string, value: string][] {
  const [, list] = /^(?:RUN )?\|\d+ (.*?) ?\/bin\/sh -c /s.exec(text) ?? [];
  return (list ?? '')
    .split(/ (?=[A-Za-z_]\w*=)/)
    .flatMap((pair) => (pair.includes('=') ? [split(pair)] : []));
}

function split(pair: string): [name: string, value: string] {
  const at = pair.indexOf('=');
  return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
}
