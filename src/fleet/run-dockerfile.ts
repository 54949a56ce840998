import type { RemoteMount, RemoteRun } from '../protocol/remote-run.ts';

/** Name of the context with the layers below. */
export const BELOW = 'below';
/** Name of the context with the script of a heredoc. */
export const SCRIPT = 'script';
const SCRIPT_FILE = 'script';

/** Name of the context with the files of a mount. */
export function filesContext(at: number): string {
  return `files${at}`;
}

/**
 * A Dockerfile that runs one command on the layers below. Environment, directory and user are in the config of the
 * image of these layers, and the command is in exec form: nothing is expanded again.
 */
export function runDockerfile({ args, network, insecure, mounts, script }: RemoteRun): string {
  const flags = mounts.map((mount, at) => `--mount=${fieldsOf(mount, at).map(csvField).join(',')}`);
  if (script !== undefined) {
    const fields = ['type=bind', `from=${SCRIPT}`, `source=/${SCRIPT_FILE}`, `target=${script.path}`];
    flags.push(`--mount=${fields.map(csvField).join(',')}`);
  }
  if (network !== 'default') flags.push(`--network=${network}`);
  if (insecure) flags.push('--security=insecure');
  return `FROM ${BELOW}\n${['RUN', ...flags, JSON.stringify(args)].join(' ')}\n`;
}

/** The files of the context `SCRIPT`. */
export function scriptFiles(script: { data: string }): Record<string, string> {
  return { [SCRIPT_FILE]: script.data };
}

function fieldsOf(mount: RemoteMount, at: number): string[] {
  const { type, target } = mount;
  const owned = () =>
    'mode' in mount ? [`mode=${mount.mode.toString(8)}`, `uid=${mount.uid}`, `gid=${mount.gid}`] : [];
  const where = target === undefined ? [] : [`target=${target}`];
  switch (type) {
    case 'files':
      return [
        ...['type=bind', `from=${filesContext(at)}`, `source=/${mount.source}`, ...where],
        ...(mount.readOnly ? [] : ['rw']),
      ];
    case 'cache':
      return [
        ...['type=cache', `id=${mount.id}`, ...where, `sharing=${mount.sharing}`, ...owned()],
        ...(mount.readOnly ? ['ro'] : []),
      ];
    case 'tmpfs':
      return ['type=tmpfs', ...where, ...(mount.size === undefined ? [] : [`size=${mount.size}`])];
    case 'secret': {
      const env = mount.env === undefined ? [] : [`env=${mount.env}`];
      return ['type=secret', `id=${mount.id}`, ...where, ...env, `required=${mount.required}`, ...owned()];
    }
    case 'ssh':
      return ['type=ssh', `id=${mount.id}`, ...where, `required=${mount.required}`, ...owned()];
  }
}

/** A field of a mount, as CSV; variables in it are not expanded again. */
function csvField(field: string): string {
  const literal = field.replaceAll(/[\\$]/g, '\\$&');
  return /[",\s]/.test(literal) ? `"${literal.replaceAll('"', '""')}"` : literal;
}
