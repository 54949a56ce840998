import { FILE_KINDS } from './file-kinds.ts';
import type { SecretSeverity } from './secret-kind.ts';
import { secretKinds } from './secret-kinds.ts';

/** A secret in a variable's value, whose name says that it is one. */
export const VARIABLE_KIND = { id: 'secret-variable', title: 'secret variable', severity: 'high' } as const;

interface Title {
  title: string;
  severity: SecretSeverity;
}

let titles: ReadonlyMap<string, Title> | undefined;

/** What reports say of a kind. @returns undefined for an id that is none */
export function kindTitle(id: string): Title | undefined {
  titles ??= new Map(
    [...secretKinds(), ...FILE_KINDS, VARIABLE_KIND].map(({ id: of, title, severity }) => [
      of,
      { title, severity },
    ]),
  );
  return titles.get(id);
}
