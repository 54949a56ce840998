import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { EXIT, JettisonError } from '../errors/error.ts';
import type { SecretSource } from './options.ts';

/** Reads the content of all secrets. @throws JettisonError `SECRET_UNREADABLE` */
export function readSecrets(
  sources: Record<string, SecretSource>,
  env: NodeJS.ProcessEnv,
): Map<string, Uint8Array> {
  const secrets = new Map<string, Uint8Array>();
  for (const [id, source] of Object.entries(sources)) {
    if ('value' in source) {
      secrets.set(id, Buffer.from(source.value));
    } else if ('env' in source) {
      const value = env[source.env];
      if (value === undefined) throw missingSecret(id, `the variable ${source.env} is not set`);
      secrets.set(id, Buffer.from(value));
    } else {
      try {
        secrets.set(id, readFileSync(resolve(source.file)));
      } catch (error) {
        throw missingSecret(id, (error as Error).message);
      }
    }
  }
  return secrets;
}

function missingSecret(id: string, reason: string): JettisonError {
  return new JettisonError('SECRET_UNREADABLE', `the secret "${id}" cannot be read: ${reason}`, {
    hint: 'Check --secret: id=NAME,src=FILE or id=NAME,env=VARIABLE.',
    exitCode: EXIT.usage,
  });
}

/** Checks the sockets of SSH agents. @throws JettisonError `SSH_UNUSABLE` for a path that is not a socket */
export function findAgents(sockets: Record<string, string>): Map<string, string> {
  return new Map(
    Object.entries(sockets).map(([id, path]) => {
      if (statSync(path, { throwIfNoEntry: false })?.isSocket()) return [id, resolve(path)];
      throw new JettisonError(
        'SSH_UNUSABLE',
        `the SSH agent "${id}" cannot be used: ${path} is not a socket`,
        {
          hint: 'Start an agent: `eval "$(ssh-agent)" && ssh-add KEY`, then use --ssh default.',
          exitCode: EXIT.usage,
        },
      );
    }),
  );
}
