import { JettisonError } from '../../errors/error.ts';

export interface Owner {
  uid: number;
  gid: number;
}

/** Ids have 32 bits; the highest value means "unchanged" in chown(2). */
const HIGHEST = 0xff_ff_ff_fe;

/** This name is id 0 even without /etc/passwd and /etc/group. */
const ROOT = 'root';

/** Whether `--chown` contains a user or group name, which needs the image's /etc/passwd or /etc/group. */
export function needsAccounts(spec: string): { passwd: boolean; group: boolean } {
  const [user, group] = split(spec);
  return { passwd: user !== '' && !isNumber(user), group: Boolean(group) && !isNumber(group!) };
}

/**
 * Resolves `--chown`: `user`, `uid`, `user:group`, `:group` … A user name alone implies its primary group, a uid alone
 * the gid of the same number. An empty part before or after the colon is 0. As in Docker, an unknown user is root, and an
 * unknown group is ignored.
 *
 * @param passwd content of the image's /etc/passwd, undefined if it has none
 * @param group content of its /etc/group
 * @param origin the flag or instruction, for messages
 * @param onUnknown called with a name that is not in its file
 * @throws JettisonError `OWNER_UNKNOWN` for a name other than root without its file, or a number out of range
 */
export function resolveOwner(
  spec: string,
  passwd: string | undefined,
  group: string | undefined,
  origin = `--chown=${spec}`,
  onUnknown: (what: 'user' | 'group', name: string) => void = () => {},
): Owner {
  const [userPart, groupPart] = split(spec);
  let uid = 0;
  let gid = 0;
  if (isNumber(userPart)) {
    uid = gid = id(userPart, origin);
  } else if (userPart !== '') {
    if (passwd === undefined && userPart !== ROOT) throw noFile('user', '/etc/passwd', origin);
    const line = find(passwd ?? '', userPart);
    if (line === undefined && userPart !== ROOT) onUnknown('user', userPart);
    uid = Number(line?.[2] ?? 0);
    gid = Number(line?.[3] ?? 0);
  }
  if (groupPart === '') {
    gid = 0;
  } else if (groupPart !== undefined && isNumber(groupPart)) {
    gid = id(groupPart, origin);
  } else if (groupPart !== undefined) {
    if (group === undefined && groupPart !== ROOT) throw noFile('group', '/etc/group', origin);
    const line = find(group ?? '', groupPart);
    if (line !== undefined) gid = Number(line[2]);
    else if (groupPart === ROOT) gid = 0;
    else onUnknown('group', groupPart);
  }
  return { uid, gid };
}

function split(spec: string): [user: string, group: string | undefined] {
  const colon = spec.indexOf(':');
  return colon < 0 ? [spec, undefined] : [spec.slice(0, colon), spec.slice(colon + 1)];
}

function isNumber(text: string): boolean {
  return /^[0-9]+$/.test(text);
}

function id(text: string, origin: string): number {
  const number = Number(text);
  if (number <= HIGHEST) return number;
  throw new JettisonError('OWNER_UNKNOWN', `${origin}: ${text} is not a user or group id`, {
    hint: `Ids go from 0 to ${HIGHEST}.`,
  });
}

/** The fields of the first line with this name whose ids are numbers. */
function find(accounts: string, name: string): string[] | undefined {
  for (const line of accounts.split('\n')) {
    const fields = line.trim().split(':');
    if (fields[0] === name && isNumber(fields[2] ?? '')) {
      // Of a group, only the gid field is a number.
      return fields;
    }
  }
  return undefined;
}

function noFile(what: 'user' | 'group', file: string, origin: string): JettisonError {
  return new JettisonError('OWNER_UNKNOWN', `${origin}: the image has no ${file}`, {
    hint: `Create the ${what} in a RUN before, or write its number.`,
  });
}
