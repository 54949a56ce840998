import { readFileSync } from 'node:fs';

/** The files that grant ids to ordinary users. */
export const RANGE_FILES = ['/etc/subuid', '/etc/subgid'] as const;

/** Whether both files grant one of these names any ids. */
export function grantsIds(names: readonly string[]): boolean {
  return RANGE_FILES.every((file) => grantsIn(file, names));
}

/** Whether one of the files does. */
export function grantsIn(file: (typeof RANGE_FILES)[number], names: readonly string[]): boolean {
  try {
    return hasRange(readFileSync(file, 'utf8'), names);
  } catch {
    return false;
  }
}

/** Whether a text like /etc/subuid grants one of these names any ids. */
export function hasRange(text: string, names: readonly string[]): boolean {
  return text.split('\n').some((line) => {
    const [name, start, count] = line.trim().split(':');
    return name !== undefined && names.includes(name) && /^\d+$/.test(start ?? '') && Number(count) > 0;
  });
}
