import { JettisonError } from '../errors/error.ts';
import type { User } from '../protocol/exec-request.ts';

/** The user and group that are 0 even without /etc/passwd and /etc/group. */
const ROOT = 'root';

const HIGHEST_ID = 2 ** 31 - 1;

/**
 * Resolves a USER like OCI runtimes: numbers are ids even if an account has such a name, an id without an account has
 * group 0, and supplementary groups are those of the account, unless a group is given.
 *
 * @param spec `name`, `uid`, `name:group`, `uid:gid`, `:group`, or empty for root
 * @param passwd text of the root's /etc/passwd, if it exists
 * @param group text of the root's /etc/group, if it exists
 * @throws JettisonError `USER_UNKNOWN`
 */
export function resolveUser(spec: string, passwd = '', group = ''): User {
  const colon = spec.indexOf(':');
  const userPart = colon < 0 ? spec : spec.slice(0, colon);
  const groupPart = colon < 0 ? '' : spec.slice(colon + 1);

  const wantedId = numeric(userPart);
  const account = accounts(passwd).find(({ name, uid }) =>
    userPart === '' ? uid === 0 : wantedId === undefined ? name === userPart : uid === wantedId,
  );
  if (account === undefined && userPart !== '' && userPart !== ROOT && wantedId === undefined) {
    throw unknown('user', userPart, '/etc/passwd');
  }
  const uid = account?.uid ?? wantedId ?? 0;
  const home = account?.home || '/';

  if (groupPart !== '') {
    const wantedGid = numeric(groupPart);
    const known = groups(group).find(({ name, gid }) =>
      wantedGid === undefined ? name === groupPart : gid === wantedGid,
    );
    const gid = known?.gid ?? wantedGid ?? (groupPart === ROOT ? 0 : undefined);
    if (gid === undefined) throw unknown('group', groupPart, '/etc/group');
    return { uid, gid, groups: [gid], home };
  }

  const gid = account?.gid ?? 0;
  const memberships =
    account === undefined ? [] : groups(group).filter((one) => one.members.includes(account.name));
  return { uid, gid, groups: [...new Set([gid, ...memberships.map((one) => one.gid)])], home };
}

function numeric(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const id = Number(text);
  if (id < 0 || id > HIGHEST_ID) {
    throw new JettisonError('USER_UNKNOWN', `the id ${text} is not between 0 and ${HIGHEST_ID}`);
  }
  return id;
}

function* records(text: string): Generator<string[]> {
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (trimmed !== '' && !trimmed.startsWith('#')) yield trimmed.split(':');
  }
}

function accounts(passwd: string) {
  return [...records(passwd)].map(([name = '', , uid, gid, , home = '']) => ({
    name,
    uid: Number(uid),
    gid: Number(gid) || 0,
    home,
  }));
}

function groups(text: string) {
  return [...records(text)].map(([name = '', , gid, members = '']) => ({
    name,
    gid: Number(gid),
    members: members.split(','),
  }));
}

function unknown(what: 'user' | 'group', name: string, file: string): JettisonError {
  return new JettisonError('USER_UNKNOWN', `unknown ${what} "${name}": it is not in the image's ${file}`, {
    hint: `Create it in an earlier RUN, or give its number (USER uid:gid).`,
    details: { [what]: name },
  });
}
