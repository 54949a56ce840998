import type { Listing } from './listing.ts';

const ACCOUNTS = [
  { name: 'root', id: 0, home: '/root', login: true },
  { name: 'daemon', id: 1, home: '/usr/sbin' },
  { name: 'bin', id: 2, home: '/bin' },
  { name: 'sys', id: 3, home: '/dev' },
  { name: 'www-data', id: 33, home: '/var/www' },
  { name: 'node', id: 1000, home: '/home/node', login: true },
  // The user of Google's distroless images: Dockerfiles for them work unchanged.
  { name: 'nonroot', id: 65532, home: '/home/nonroot' },
  { name: 'nobody', id: 65534, home: '/nonexistent', group: 'nogroup' },
];

/** Groups without a user of their name, with Debian's numbers. */
const GROUPS: [name: string, id: number][] = [
  ['adm', 4],
  ['tty', 5],
  ['mail', 8],
  ['shadow', 42],
  ['staff', 50],
  ['users', 100],
];

/**
 * Writes the user database (never the machine's own accounts) and the home directories.
 *
 * @param shell login shell, e.g. `/bin/bash`; default: logins are disabled
 */
export function addAccounts(listing: Listing, shell: string | undefined): void {
  const lines = (records: string[]) => `${records.join('\n')}\n`;
  const users = ACCOUNTS.map(({ name, id, home, login }) => {
    const command = login && shell !== undefined ? shell : '/usr/sbin/nologin';
    return `${name}:x:${id}:${id}:${name}:${home}:${command}`;
  });
  const groups = [...ACCOUNTS.map(({ name, id, group }): [string, number] => [group ?? name, id]), ...GROUPS];
  groups.sort(([, a], [, b]) => a - b);

  listing.text('etc/passwd', lines(users));
  listing.text('etc/group', lines(groups.map(([name, id]) => `${name}:x:${id}:`)));
  // All passwords are locked. useradd updates shadow and gshadow only if they exist.
  listing.text('etc/shadow', lines(ACCOUNTS.map(({ name }) => `${name}:*:0:0:99999:7:::`)), 0o640);
  listing.text('etc/gshadow', lines(groups.map(([name]) => `${name}:*::`)), 0o640);

  listing.directory('root', 0o700);
  listing.directory('home/node', 0o755, 1000, 1000);
  listing.directory('home/nonroot', 0o700, 65532, 65532);
}
