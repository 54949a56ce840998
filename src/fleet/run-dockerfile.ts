import { JettisonError } from '../errors/error.ts';
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
 *
 * @throws JettisonError `BUILDER_UNSUITABLE` for a mount with a line break
 */
export function runDockerfile({ args, network, insecure, mounts, script }: RemoteRun): string {
  const flags = mounts.map((mount, at) => mountFlag(fieldsOf(mount, at)));
  if (script !== undefined) {
    const fields = ['type=bind', `from=${SCRIPT}`, `source=/${SCRIPT_FILE}`, `target=${script.path}`];
    flags.push(mountFlag(fields));
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

/** A mount as BuildKit reads it: first the flag, then its record of CSV, then variables and quotes in each field. */
function mountFlag(fields: readonly string[]): string {
  const record = fields
    .map((field) => csvField(field.replaceAll(/[\\$"']/g, '\\$&')))
    .join(',')
    .replaceAll(/[\\"'\s\u0085]/g, '\\$&');
  if (!/[\n\r]/.test(record)) return `--mount=${record}`;
  throw new JettisonError('BUILDER_UNSUITABLE', 'a mount with a line break is not possible at a builder', {
    hint: 'Remove the line break from the --mount, or build without builders.',
  });
}

function csvField(field: string): string {
  return /[",\s]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
