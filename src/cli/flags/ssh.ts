import { usageError } from '../../errors/error.ts';

/**
 * Parses the value of `--ssh`: `ID=SOCKET`, or an id alone for the agent of `$SSH_AUTH_SOCK`.
 *
 * @throws JettisonError with exit code 2
 */
export function parseSsh(text: string, env: NodeJS.ProcessEnv): { id: string; socket: string } {
  const equals = text.indexOf('=');
  const id = equals < 0 ? text : text.slice(0, equals);
  if (id === '') throw usageError(`--ssh "${text}" has no id`, 'Write --ssh default or --ssh ID=SOCKET.');
  const socket = equals < 0 ? env['SSH_AUTH_SOCK'] : text.slice(equals + 1);
  if (!socket) {
    throw usageError(
      `--ssh ${text} means the agent of $SSH_AUTH_SOCK, which is not set`,
      'Start one: `eval "$(ssh-agent)" && ssh-add`.',
    );
  }
  return { id, socket };
}
