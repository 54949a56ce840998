import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates, type SecureContextOptions } from 'node:tls';
import { JettisonError } from '../errors/error.ts';

/** Paths of the system's certificate bundle, which includes an administrator's own authorities, by distribution. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** TLS settings of one host from a file; PEM. */
export interface HostTrust {
  ca?: string[];
  cert?: string;
  key?: string;
  unverified?: boolean;
}

/**
 * TLS settings for a host besides Node's own roots and `NODE_EXTRA_CA_CERTS`: the files of Docker and Podman in
 * `certs.d/<host[:port]>`, `*.crt` (authorities) and `*.cert` with `*.key` (client certificate).
 *
 * @param host with the URL's port, if any
 * @param more further authorities, PEM
 * @param named settings of another file for this host
 * @returns empty without such files: then Node's defaults, which are faster, apply
 * @throws JettisonError `CERTIFICATE_UNREADABLE`
 */
export function trustFor(
  host: string,
  env: NodeJS.ProcessEnv,
  more?: string,
  named: HostTrust = {},
): SecureContextOptions {
  const authorities = [...(more === undefined ? [] : [more]), ...(named.ca ?? [])];
  const trust: SecureContextOptions = {};
  if (named.cert !== undefined && named.key !== undefined)
    Object.assign(trust, { cert: named.cert, key: named.key });
  for (const folder of certificateFolders(env)) {
    const files = names(join(folder, host));
    for (const file of files) {
      const path = join(folder, host, file);
      if (file.endsWith('.crt')) authorities.push(read(path));
      const key = file.replace(/\.cert$/, '.key');
      if (file.endsWith('.cert') && files.includes(key) && trust.cert === undefined) {
        trust.cert = read(path);
        trust.key = read(join(folder, host, key));
      }
    }
  }
  if (authorities.length > 0) {
    // `ca` replaces Node's own authorities, so it must include them.
    const extra = env['NODE_EXTRA_CA_CERTS'];
    if (extra) authorities.push(read(extra));
    trust.ca = [...rootCertificates, ...authorities];
  }
  return trust;
}

/**
 * The authorities of the system, PEM: of the file in `SSL_CERT_FILE`, else of the distribution's bundle. Used only for
 * certificates that Node's own authorities did not verify, since loading them takes longer than a request.
 *
 * @throws JettisonError `CERTIFICATE_UNREADABLE`
 */
export function systemTrust(env: NodeJS.ProcessEnv, bundles = SYSTEM_BUNDLES): string | undefined {
  const bundle = env['SSL_CERT_FILE'] || bundles.find((path) => existsSync(path));
  return bundle === undefined ? undefined : read(bundle);
}

/** Whether a connection failed because no known authority signed the certificate. */
export function isUntrusted(error: Error): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return /^(UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT)$/.test(
    code,
  );
}

function certificateFolders(env: NodeJS.ProcessEnv): string[] {
  const folders = ['/etc/docker/certs.d', '/etc/containers/certs.d'];
  const home = env['HOME'];
  if (home) folders.unshift(join(home, '.config/docker/certs.d'), join(home, '.config/containers/certs.d'));
  return folders;
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new JettisonError('CERTIFICATE_UNREADABLE', `cannot read the certificate ${path}`, {
      hint: 'Check the path and its permissions, or unset the variable that names it.',
      cause,
    });
  }
}
