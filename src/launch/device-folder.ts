import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEVICE_LINKS, DEVICES } from './rootfs.ts';

/** Makes what a command's /dev consists of, for devices to be bound to. @param folder absolute path of a directory */
export function writeDevices(folder: string): void {
  for (const name of DEVICES) writeFileSync(join(folder, name), '');
  for (const name of ['pts', 'shm', 'mqueue']) mkdirSync(join(folder, name));
  for (const [name, target] of Object.entries(DEVICE_LINKS)) symlinkSync(target, join(folder, name));
}
