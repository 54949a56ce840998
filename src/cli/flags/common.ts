import { parsePlatform } from '../../image/platform.ts';
import type { FlagTable } from '../flag.ts';

/**
 * The flags of commands that print lists.
 *
 * @param template an example for the help
 */
export function listFlags(template: string) {
  return {
    format: {
      value: 'FORMAT',
      suggest: ['table', 'json'],
      help: `table, json (an object a line), or a Go template such as '${template}'`,
    },
    json: { help: 'All facts as one JSON array, with sizes in bytes' },
  } as const satisfies FlagTable;
}

export const REGISTRY_FLAGS = {
  'registry-insecure': { help: 'Accept any certificate of registries, and plain http' },
} as const satisfies FlagTable;

/** Flags of commands that choose an image of an index. */
export const PLATFORM_FLAGS = {
  platform: {
    value: 'PLATFORM',
    help: 'The platform to take of a multi-platform image, such as linux/arm64',
    parse: (text: string) => parsePlatform(text),
  },
} as const satisfies FlagTable;

/** Flags of commands that ask before they delete. */
export const FORCE_FLAGS = {
  force: { short: 'f', help: 'Do not ask first' },
  json: { help: 'Print the deleted things as JSON' },
} as const satisfies FlagTable;

/** Flags of commands that run a program in a container. */
export const PROCESS_FLAGS = {
  env: {
    short: 'e',
    value: 'NAME[=VALUE]',
    many: true,
    help: "Set a variable; without a value, that of this shell's variable",
  },
  interactive: { short: 'i', help: 'Let the command read standard input' },
  tty: { short: 't', help: 'Give the command a terminal of its own, shown on this one' },
  user: { short: 'u', value: 'USER[:GROUP]', help: 'Names or numbers, looked up in the image' },
  workdir: { short: 'w', value: 'DIR', help: 'Working directory, an absolute path' },
} as const satisfies FlagTable;
