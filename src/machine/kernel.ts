import { release } from 'node:os';

/** @param text of a kernel release, by default this kernel's: `6.1.0-18-amd64` */
export function kernelIsAtLeast(major: number, minor: number, text: string = release()): boolean {
  const [, first = '0', second = '0'] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}
