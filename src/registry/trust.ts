import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates, type SecureContextOptions } from 'node:tls';
import { JettisonError } from '../errors/error.ts';

/**
 * What TLS connections to a host are checked with beyond Node's own rules (its roots and
 * `NODE_EXTRA_CA_CERTS`): the bundle that `SSL_CERT_FILE` names, and what Docker and Podman keep in
 * `certs.d/<host[:port]>`: `*.crt` (authorities), `*.cert` with `*.key` (a client's certificate).
 *
 * @param host with its port where the URL has one
 * @returns empty when there is nothing of the kind, which leaves Node's fast default in place
 * @throws JettisonError `CERTIFICATE_UNREADABLE`
 */
export function trustFor(host: string, env: NodeJS.ProcessEnv): SecureContextOptions {
  const authorities: string[] = [];
  const bundle = env['SSL_CERT_FILE'];
  if (bundle) authorities.push(read(bundle));

  const trust: SecureContextOptions = {};
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
