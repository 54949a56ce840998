import { FILE_KINDS } from './file-kinds.ts';
import { surroundingsOf } from './surroundings.ts';

const KEY_FILE = /(?:^|\/)(?:id_(?:rsa|dsa|ecdsa|ed25519)|[^/]+\.(?:pem|key|ppk|p8)|\.aws\/credentials)$/;
/** Folders of packages, which have keys for tests. */
const PACKAGES = /(?:^|\/)(?:node_modules|(?:site|dist)-packages|usr\/(?:share|lib)|etc\/ssl\/certs)\//;

/** Whether files of that name mostly hold secrets: a build looks into those alone. */
export function isSuspiciousName(path: string): boolean {
  if (PACKAGES.test(path)) return false;
  return (
    KEY_FILE.test(path) ||
    surroundingsOf(path) === 'dotenv' ||
    FILE_KINDS.some(({ files }) => files.test(path))
  );
}
