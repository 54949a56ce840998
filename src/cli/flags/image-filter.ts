import { compileWildcard } from '../../context/pattern.ts';
import { usageError } from '../../errors/error.ts';
import { familiarName, familiarRepository, parseReference } from '../../image/reference.ts';
import { findImage, type NamedImage } from '../../store/lookup.ts';
import type { Store } from '../../store/store.ts';

/** An image with one of its names, or without a name. */
export interface ImageRow {
  image: NamedImage;
  /** Canonical. */
  name: string | undefined;
}

type Test = (row: ImageRow) => boolean;

const FILTERS: Record<string, (store: Store, value: string) => Test> = {
  dangling: (_, value) => {
    const wanted = { true: true, '1': true, false: false, '0': false }[value];
    if (wanted === undefined)
      throw usageError(`invalid filter dangling="${value}"`, 'Write dangling=true or dangling=false.');
    return ({ name }) => (name === undefined) === wanted;
  },
  reference:
    (_, pattern) =>
    ({ name }) =>
      matchesName(pattern, name),
  label: (_, value) => {
    const [key = '', wanted] = value.split(/=(.*)/s);
    return ({ image }) => {
      const labels = image.config.config?.Labels ?? {};
      return Object.hasOwn(labels, key) && (wanted === undefined || labels[key] === wanted);
    };
  },
  before: (store, text) => {
    const limit = createdMs(findImage(store, text));
    return ({ image }) => createdMs(image) < limit;
  },
  since: (store, text) => {
    const limit = createdMs(findImage(store, text));
    return ({ image }) => createdMs(image) > limit;
  },
};

/**
 * Parses the values of `--filter`. As in Docker, all different filters must match; of several values of one filter at
 * least one, but all labels.
 *
 * @throws JettisonError `USAGE`, `IMAGE_UNKNOWN`
 */
export function imageFilter(store: Store, texts: readonly string[]): Test {
  const tests = new Map<string, Test[]>();
  for (const text of texts) {
    const [key = '', value = ''] = text.split(/=(.*)/s);
    const make = Object.hasOwn(FILTERS, key) ? FILTERS[key] : undefined;
    if (make === undefined || value === '') {
      const names = Object.keys(FILTERS).map((name) => `${name}=…`);
      throw usageError(
        make === undefined ? `unknown filter "${key}"` : `the filter ${key} has no value`,
        `The filters are ${names.join(', ')}.`,
      );
    }
    tests.set(key, [...(tests.get(key) ?? []), make(store, value)]);
  }
  return (row) =>
    [...tests].every(([key, all]) =>
      key === 'label' ? all.every((test) => test(row)) : all.some((test) => test(row)),
    );
}

/** Docker's rule: a repository without a tag matches all its tags, and may be a pattern with `*`. */
export function matchesName(wanted: string, name: string | undefined): boolean {
  if (name === undefined) return false;
  const reference = parseReference(name);
  const repository = familiarRepository(reference);
  const tagged = wanted.lastIndexOf(':') > wanted.lastIndexOf('/');
  const matches = compileWildcard(wanted.replace(/[[\\]/g, '\\$&'));
  return [repository, `${reference.registry}/${reference.repository}`].some((form) =>
    matches(tagged ? `${form}:${reference.tag}` : form),
  );
}

/** An image's time in milliseconds since 1970; 0 if unknown. */
export function createdMs(image: NamedImage): number {
  return Date.parse(image.config.created ?? '') || 0;
}

/** The name of an image in messages. */
export function shownName(name: string | undefined): string {
  return name === undefined ? 'an image without a name' : familiarName(name);
}
