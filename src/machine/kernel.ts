import { readFileSync } from 'node:fs';
import { release } from 'node:os';

/** @param text of a kernel release, by default this kernel's: `6.1.0-18-amd64` */
export function kernelIsAtLeast(major: number, minor: number, text: string = release()): boolean {
  const [, first = '0', second = '0'] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}

/** The capability sets of this process: bit masks of /proc/self/status, e.g. `CapEff`, `CapBnd`. */
export function capabilityMask(set: 'CapEff' | 'CapBnd'): bigint {
  const mask = new RegExp(`^${set}:\\s*([0-9a-f]+)`, 'm').exec(readText('/proc/self/status'))?.[1];
  return mask === undefined ? 0n : BigInt(`0x${mask}`);
}

/** Text of a file of /proc, /sys or /etc; empty when it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
