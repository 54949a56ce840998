import { readdirSync, readFileSync } from 'node:fs';

/** Process id of the oldest child of a process; undefined without children, and for a process that has ended. */
function oldestChild(pid: number): number | undefined {
  try {
    // Each thread has children of its own.
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const child = Number.parseInt(readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1'), 10);
      if (child > 0) return child;
    }
  } catch {
    // It has just ended.
  }
  return undefined;
}

/**
 * Process id of the command below a sandbox's first process. The oldest child is taken at each level, since orphans
 * that the first process inherits are newer.
 *
 * @param depth number of processes above the command: see `Launch`
 */
export function commandBelow(first: number, depth: number): number | undefined {
  let pid: number | undefined = first;
  for (let level = 0; level < depth && pid !== undefined; level++) pid = oldestChild(pid);
  return pid;
}
