import { spawnSync } from 'node:child_process';
import { createVerify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether keys of the image have signed an index; `unchecked`: there is no key for it, or no gpgv here. */
export type Signature = 'good' | 'bad' | 'unchecked';

/**
 * Checks the OpenPGP signature of an InRelease file with gpgv.
 *
 * @param keyrings of the image, as binary or with armour
 */
export function checkInRelease(signed: Buffer, keyrings: readonly Buffer[]): Signature {
  if (keyrings.length === 0) return 'unchecked';
  const folder = mkdtempSync(join(tmpdir(), 'jettison-keys-'));
  try {
    const keys = keyrings.flatMap((keyring, at) => {
      const path = join(folder, `${at}.gpg`);
      writeFileSync(path, withoutArmour(keyring));
      return ['--keyring', path];
    });
    const file = join(folder, 'InRelease');
    writeFileSync(file, signed);
    const { status, error, stdout } = spawnSync(
      'gpgv',
      ['--homedir', folder, '--status-fd', '1', ...keys, file],
      { encoding: 'utf8', timeout: 60_000 },
    );
    if (error !== undefined) return 'unchecked';
    if (/^\[GNUPG:\] BADSIG /m.test(stdout)) return 'bad';
    // Archives sign with several keys, of which an old image has some.
    return status === 0 || /^\[GNUPG:\] VALIDSIG /m.test(stdout) ? 'good' : 'unchecked';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Checks the RSA signature of an APKINDEX. @param keys of the image by name, PEM */
export function checkApkIndex(
  index: Buffer,
  { name, signature }: { name: string; signature: Buffer },
  keys: ReadonlyMap<string, Buffer>,
): Signature {
  const [, algorithm, keyName = ''] = /^\.SIGN\.(RSA|RSA256|RSA512)\.(.+)$/.exec(name) ?? [];
  const key = keys.get(keyName);
  if (algorithm === undefined || key === undefined) return 'unchecked';
  const hash = { RSA: 'sha1', RSA256: 'sha256', RSA512: 'sha512' }[algorithm]!;
  try {
    return createVerify(hash).update(index).verify(key.toString(), signature) ? 'good' : 'bad';
  } catch {
    return 'unchecked';
  }
}

function withoutArmour(keyring: Buffer): Buffer {
  const text = keyring.toString('latin1');
  if (!text.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----')) return keyring;
  const blocks = text.matchAll(/-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n([\s\S]*?)-----END/g);
  return Buffer.concat(
    [...blocks].map(([, block = '']) => {
      const [, body = block] = /\r?\n\r?\n([\s\S]*)/.exec(`\n${block}`) ?? [];
      return Buffer.from(body.replace(/\r?\n=[\w+/]{4}\s*$/, ''), 'base64');
    }),
  );
}
