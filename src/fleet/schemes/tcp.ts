import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { JettisonError } from '../../errors/error.ts';
import { invalidBuilder, type Scheme } from '../link.ts';

const FILES = ['tls-ca', 'tls-cert', 'tls-key'] as const;

/** `buildkitd --addr tcp://…`, with TLS if certificates are given. */
export const tcp: Scheme = {
  example: 'tcp://HOST:1234',
  parameters: [...FILES, 'tls-name'],
  link(address, { cwd }) {
    if (address.hostname === '' || address.port === '' || !/^\/?$/.test(address.pathname)) {
      throw invalidBuilder(`invalid builder "${address.href}"`, 'Write it like tcp://HOST:1234.');
    }
    const target = `dns:${address.host}`;
    const [ca, cert, key] = FILES.map((name) => read(address.searchParams.get(name), cwd));
    const serverName = address.searchParams.get('tls-name') ?? undefined;
    if ((cert === undefined) !== (key === undefined)) {
      throw invalidBuilder(
        `the builder "${address.href}" has only one of certificate and key`,
        'Give both tls-cert and tls-key.',
      );
    }
    if (ca !== undefined) checkPem('tls-ca', () => new X509Certificate(ca));
    if (cert !== undefined && key !== undefined) {
      checkPem('tls-cert or tls-key', () => createSecureContext({ cert, key }));
    }
    const isTls = ca !== undefined || cert !== undefined || serverName !== undefined;
    return { kind: 'socket', target, ...(isTls && { tls: { ca, cert, key, serverName } }) };
  },
};

function checkPem(parameter: string, parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    throw invalid(`invalid file in ${parameter}: ${(error as Error).message}`, error);
  }
}

function read(file: string | null, cwd: string): Buffer | undefined {
  if (file === null) return undefined;
  try {
    return readFileSync(resolve(cwd, file));
  } catch (error) {
    throw invalid(`cannot read "${file}": ${(error as Error).message}`, error);
  }
}

function invalid(message: string, cause: unknown): JettisonError {
  const hint = 'Certificates and keys of a builder are PEM files.';
  return new JettisonError('BUILDER_INVALID', message, { hint, cause });
}
