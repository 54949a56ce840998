import { readFileSync } from 'node:fs';

/** The files that grant subordinate ids to users: subuid(5), subgid(5). */
export const RANGE_FILES = ['/etc/subuid', '/etc/subgid'] as const;

/** The defaults of `useradd`, where /etc/login.defs sets none. */
const FIRST_ID = 100_000;
const RANGE_LENGTH = 65_536;

/** Whether both files grant ids to one of these names. */
export function grantsIds(names: readonly string[]): boolean {
  return RANGE_FILES.every((file) => grantsIn(file, names));
}

/** Whether a file grants ids to one of these names. */
export function grantsIn(file: (typeof RANGE_FILES)[number], names: readonly string[]): boolean {
  try {
    return hasRange(readFileSync(file, 'utf8'), names);
  } catch {
    return false;
  }
}

/** `first-last`: a range that neither file grants, as long as those of `useradd`. */
export function freeRange(): string {
  const texts = RANGE_FILES.map((file) => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  });
  const first = firstFreeId(texts.join('\n'));
  return `${first}-${first + RANGE_LENGTH - 1}`;
}

/** The first id after all ranges of a text like /etc/subuid; `FIRST_ID` if the range would end above 2³². */
export function firstFreeId(text: string): number {
  const ends = text.split('\n').map((line) => {
    const [, start, count] = /^[^:]+:(\d+):(\d+)\s*$/.exec(line.trim()) ?? [];
    return start === undefined ? 0 : Number(start) + Number(count);
  });
  const first = Math.max(FIRST_ID, ...ends);
  return first + RANGE_LENGTH > 2 ** 32 ? FIRST_ID : first;
}

/** Whether a text like /etc/subuid grants ids to one of these names. */
export function hasRange(text: string, names: readonly string[]): boolean {
  return text.split('\n').some((line) => {
    const [name, start, count] = line.trim().split(':');
    return name !== undefined && names.includes(name) && /^\d+$/.test(start ?? '') && Number(count) > 0;
  });
}
