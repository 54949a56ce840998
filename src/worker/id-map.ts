import { readFileSync } from 'node:fs';

/** Whether an id is mapped. @param map text of /proc/self/uid_map or gid_map */
export function isInMap(map: string, id: number): boolean {
  return map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([first = 0, , count = 0]) => id >= first && id < first + count);
}

const maps = new Map<string, string>();

/** Whether this process can chown files to that user or group. */
export function isMapped(kind: 'uid' | 'gid', id: number): boolean {
  let map = maps.get(kind);
  if (map === undefined) {
    map = readFileSync(`/proc/self/${kind}_map`, 'utf8');
    maps.set(kind, map);
  }
  return isInMap(map, id);
}
