import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates, type SecureContextOptions } from 'node:tls';
import { JettisonError } from '../errors/error.ts';

/** Where the distributions keep all the authorities that a machine trusts, companies' own ones included. */
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
 * What TLS connections to a host are checked with beyond Node's own rules (its roots and
 * `NODE_EXTRA_CA_CERTS`): what Docker and Podman keep in `certs.d/<host[:port]>`: `*.crt` (authorities),
 * `*.cert` with `*.key` (a client's certificate).
 *
 * @param host with its port where the URL has one
 * @param more authorities in PEM
 * @param named what another file names for this host
 * @returns empty when there is nothing of the kind, which leaves Node's fast default in place
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
    // Naming authorities replaces Node's own, so those have to be named, too.
    const extra = env['NODE_EXTRA_CA_CERTS'];
    if (extra) authorities.push(read(extra));
    trust.ca = [...rootCertificates, ...authorities];
  }
  return trust;
}

/**
 * The authorities of the system: in PEM, from the file that `SSL_CERT_FILE` names, else from where this
 * distribution keeps them. Reading them takes longer than a whole request, and few connections need them: they
 * are for those that Node's own authorities do not vouch for.
 *
 * @throws JettisonError `CERTIFICATE_UNREADABLE`
 */
export function systemTrust(env: NodeJS.ProcessEnv, bundles = SYSTEM_BUNDLES): string | undefined {
  const bundle = env['SSL_CERT_FILE'] || bundles.find((path) => existsSync(path));
  return bundle === undefined ? undefined : read(bundle);
}

/** Whether a connection failed for want of an authority that vouches for the other side. */
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
