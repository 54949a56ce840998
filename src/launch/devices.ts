// The /dev of a command: its devices, links and mounts.

import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from '../layer/entry.ts';
import type { Isolation } from '../protocol/rung.ts';
import { lockedOptions, type MountLine, SAFE } from './mount-table.ts';

/** Major and minor numbers of the devices of every container: those that Docker allows. */
export const DEVICE_NUMBERS: Readonly<Record<string, readonly [major: number, minor: number]>> = {
  null: [1, 3],
  zero: [1, 5],
  full: [1, 7],
  random: [1, 8],
  urandom: [1, 9],
  tty: [5, 0],
};

/** Those that the machine has, which are bound from its /dev. */
const DEVICES = Object.keys(DEVICE_NUMBERS)
  .filter((name) => existsSync(`/dev/${name}`))
  .sort();

/** Links in /dev, which are in every container. */
export const DEVICE_LINKS: Readonly<Record<string, string>> = {
  ptmx: 'pts/ptmx',
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
};

/**
 * The mounts on /dev and below it.
 *
 * @param dev relative to the root
 * @param files.dev absolute path of the folder that `writeDevices` has filled
 * @param shmSize bytes
 */
export function devMounts(
  dev: string,
  files: { dev: string },
  isolation: Isolation,
  shmSize = 64 << 20,
): MountLine[] {
  // With a single id, group 5 (tty) does not exist.
  const group = isolation === 'single' ? '' : ',gid=5';
  return [
    {
      source: files.dev,
      target: dev,
      type: 'none',
      options: ['bind', 'nosuid', 'nodev', ...lockedOptions(files.dev)].join(','),
    },
    ...DEVICES.map((name) => ({
      source: `/dev/${name}`,
      target: join(dev, name),
      type: 'none',
      options: 'bind',
    })),
    {
      source: 'devpts',
      target: join(dev, 'pts'),
      type: 'devpts',
      options: `nosuid,noexec,newinstance,ptmxmode=0666,mode=0620${group}`,
    },
    { source: 'shm', target: join(dev, 'shm'), type: 'tmpfs', options: `${SAFE},mode=1777,size=${shmSize}` },
    { source: 'mqueue', target: join(dev, 'mqueue'), type: 'mqueue', options: SAFE },
  ];
}

/** Makes the files, folders and links of a command's /dev, on which devices are bound. @param folder absolute path */
export function writeDevices(folder: string): void {
  for (const name of DEVICES) writeFileSync(`${folder}/${name}`, '');
  for (const name of ['pts', 'shm', 'mqueue']) mkdirSync(`${folder}/${name}`);
  for (const [name, target] of Object.entries(DEVICE_LINKS)) symlinkSync(target, `${folder}/${name}`);
}
