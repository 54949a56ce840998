import type { Diagnostic } from '../dockerfile/ast.ts';
import type { Location } from '../errors/error.ts';
import { searchConfig } from '../secrets/config-search.ts';
import { kindTitle } from '../secrets/kind-titles.ts';
import { withArticle } from '../secrets/secret-kind.ts';
import { isSuspiciousName } from '../secrets/suspicious-names.ts';
import type { Store } from '../store/store.ts';
import type { BuiltImages } from './made-layers.ts';
import { searchFiles } from './search-files.ts';

const CODE = 'SecretInImage';
const HINT = 'Use RUN --mount=type=secret. `jettison secrets` searches all layers.';
/** Larger layers are not read again for a warning, in bytes of their packed form. */
const LARGEST = 64 << 20;

/** Secrets in the config of images, and in those files of new layers whose names say that they mostly hold some. */
export async function lookForSecrets(
  store: Store,
  { built, made, known, from }: BuiltImages,
): Promise<Diagnostic[]> {
  const found = new Map<string, Diagnostic>();
  const add = (message: string, location: Location) =>
    found.set(message, { code: CODE, message, location, hint: HINT });
  // Images for several platforms share layers.
  const looked = new Set<string>();
  for (const { config, layers } of built) {
    for (const { kind, where, name, masked, history } of searchConfig(config)) {
      const { created_by: by = '' } = history === undefined ? {} : (config.history?.[history] ?? {});
      const [, setting] = /^(?:ARG|ENV) ([A-Za-z_]\w*)/.exec(by) ?? [];
      if (isKnown(known, name) || isKnown(known, setting)) continue;
      const place = where === 'history' ? 'the history' : `the ${where} ${name}`;
      add(`the image's config has ${titled(kind)} (${masked}) in ${place}`, from);
    }
    for (const { id } of layers) {
      const layer = made.get(id);
      if (layer === undefined || looked.has(id)) continue;
      looked.add(id);
      for (const [path, [first, ...others]] of byPath(await secretsOfLayer(store, id))) {
        const { kind, masked, line } = first!;
        const place = line === undefined ? path : `${path}:${line}`;
        const more = others.length === 0 ? '' : `, and ${others.length} more there`;
        add(
          `${layer.title} puts ${titled(kind)} (${masked}) into the image, in ${place}${more}`,
          layer.location ?? from,
        );
      }
    }
  }
  return [...found.values()];
}

async function secretsOfLayer(store: Store, id: string) {
  const packed = store.layers.blob(id);
  if (
    packed === undefined ||
    packed.blob.size > LARGEST ||
    !store.blobs.has(packed.blob.digest, packed.blob.size)
  )
    return [];
  const paths = new Set<string>();
  for (const { path, type } of store.layers.index(id).entries()) {
    if (type === 'file' && isSuspiciousName(path)) paths.add(path);
  }
  if (paths.size === 0) return [];
  return searchFiles(store.blobs.stream(packed.blob.digest) as AsyncIterable<Buffer>, paths);
}

function byPath<T extends { path: string }>(secrets: readonly T[]): Map<string, T[]> {
  const files = new Map<string, T[]>();
  for (const secret of secrets) files.set(secret.path, [...(files.get(secret.path) ?? []), secret]);
  return files;
}

/** Whether the checks of the Dockerfile have said it of a variable. */
function isKnown(known: readonly Diagnostic[], name: string | undefined): boolean {
  if (name === undefined) return false;
  return known.some(
    ({ code, message }) => code === 'SecretsUsedInArgOrEnv' && message.split(/\W+/).includes(name),
  );
}

function titled(kind: string): string {
  return withArticle(kindTitle(kind)!.title);
}
