import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needTool } from '../machine/tools.ts';
import { type Call, callProgram, canMakePrograms, cText } from './call-program.ts';

/** Address of the program's read buffer: any place except the program itself. */
const ROOM = 0x10000000;
const ROOM_BYTES = 1 << 16;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS_FIXED = 0x32;
const STDIN = 0;
/** A runtime's message to a hook fits into a pipe, and arrives at once. */
const READS = 4;
const AT_FDCWD = -100;
/** Flags of mount(2); the first two are also those of mount_setattr(2). */
const MS = { RDONLY: 1, NODEV: 4, REMOUNT: 32, BIND: 4096 } as const;

/** Flags to set on the root's mount. */
export interface RootFlags {
  readonly: boolean;
  nodev: boolean;
}

/**
 * A hook that sets flags on the root's mount, after a runtime has bound it without its flags. It is executed in the
 * container's mount namespace, before the root is changed.
 *
 * @param folder absolute path of the run's folder on a tmpfs, for the program
 * @param root absolute path
 * @returns the words of the hook, the first an absolute path; undefined without flags to set
 */
export function remountCommand(folder: string, root: string, flags: RootFlags): string[] | undefined {
  if (!flags.readonly && !flags.nodev) return undefined;
  if (!canMakePrograms()) return shellCommand(root, flags);
  const path = join(folder, 'remount');
  writeFileSync(path, callProgram(remountCalls(root, flags)), { mode: 0o700 });
  return [path];
}

/** The same hook with the machine's programs: for architectures without programs of ours, and noexec folders. */
export function shellCommand(root: string, { readonly, nodev }: RootFlags): string[] {
  const options = ['remount', 'bind', ...(readonly ? ['ro'] : []), ...(nodev ? ['nodev'] : [])];
  const remount = `exec ${needTool('mount')} -n -o ${options.join(',')} "$0"`;
  return [needTool('sh'), '-c', `read -r _; ${remount}`, root];
}

function remountCalls(root: string, { readonly, nodev }: RootFlags): Call[] {
  const flags = (readonly ? MS.RDONLY : 0) | (nodev ? MS.NODEV : 0);
  const place = cText(root);
  // struct mount_attr: attr_set, attr_clr, propagation, userns_fd.
  const attributes = Buffer.alloc(32);
  attributes.writeUInt32LE(flags);
  const end: Call = { name: 'exit_group', args: [0] };
  // The root's mount has no other flags; those for access times are kept.
  const older: Call[] = [{ name: 'mount', args: [0, place, 0, MS.REMOUNT | MS.BIND | flags, 0] }, end];
  return [
    { name: 'mmap', args: [ROOM, ROOM_BYTES, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_FIXED, -1, 0] },
    // A hook that ends before it has read the runtime's message counts as failed.
    ...Array.from({ length: READS }, (): Call => ({ name: 'read', args: [STDIN, ROOM, ROOM_BYTES] })),
    {
      name: 'mount_setattr',
      args: [AT_FDCWD, place, 0, attributes, attributes.length],
      // Linux before 5.12, and outer containers whose filter does not know the call.
      failures: { ENOSYS: older, EPERM: older },
    },
    end,
  ];
}
