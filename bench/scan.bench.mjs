// What a scan costs whose image has been looked into before: an image of 400 packages (200 of Debian, 200 of npm), and a database
// of 200,000 records, of `jettison db build`, that is in the store. Time and peak memory of the first look, and of the next.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLI, line, sorted, workspace } from './harness.mjs';
import { peakMemory } from './peak-memory.mjs';

const PACKAGES = 200;
const RECORDS = 200_000;
/** Records of one package. */
const OF_ONE = 20;
const RUNS = 5;
const REFERENCE = 'example.com/advisories:1';

export default async function* scan() {
  const space = workspace();
  space.write({ 'context/Dockerfile': 'FROM scratch\nCOPY root /\n', ...image() });
  space.jettison('build', '-q', '-t', 'app', join(space.root, 'context'));
  const records = join(space.root, 'records');
  mkdirSync(records);
  for (const [name, list] of recordsByFile()) writeFileSync(join(records, name), JSON.stringify(list));
  const database = join(space.root, 'advisories.tar.gz');
  space.jettison('db', 'build', '-o', database, records);
  space.jettison('db', 'load', '--as', REFERENCE, database);
  const scanned = async () => {
    const { seconds, own } = await peakMemory(
      process.execPath,
      [CLI, 'scan', '--offline', '--db', REFERENCE, 'app'],
      space.env,
    );
    return { ms: seconds * 1000, own };
  };
  const first = await scanned();
  yield `${line('first look', [first.ms])}  ${first.own} MB at most`;
  const next = [];
  for (let run = 0; run < RUNS; run++) next.push(await scanned());
  const most = Math.max(...next.map(({ own }) => own));
  yield `${line('next look', sorted(next.map(({ ms }) => ms)))}  ${most} MB at most`;
  const { findings, packages } = JSON.parse(
    space.jettison('scan', '--json', '--offline', '--db', REFERENCE, 'app').stdout,
  );
  yield `${packages.scanned} packages looked up in ${RECORDS} records: ${findings.length} findings`;
}

/** A root of Debian with 200 packages, and an application with 200. */
function image() {
  const status = Array.from({ length: PACKAGES }, (_, at) =>
    [`Package: lib${at}`, 'Status: install ok installed', 'Architecture: amd64', `Version: 1.${at}-1`].join(
      '\n',
    ),
  );
  const modules = Array.from({ length: PACKAGES }, (_, at) => [
    `context/root/app/node_modules/module-${at}/package.json`,
    JSON.stringify({
      name: `module-${at}`,
      version: `1.${at}.0`,
      dependencies: { [`module-${at + 1}`]: '1' },
    }),
  ]);
  return {
    'context/root/etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
    'context/root/var/lib/dpkg/status': `${status.join('\n\n')}\n`,
    'context/root/app/package.json': JSON.stringify({
      name: 'app',
      version: '1.0.0',
      dependencies: { 'module-0': '1' },
    }),
    ...Object.fromEntries(modules),
  };
}

/** OSV records in the proportions of a real database: most are of packages that the image lacks. */
function* recordsByFile() {
  for (let start = 0; start < RECORDS; start += 10_000) {
    yield [
      `${start}.json`,
      Array.from({ length: 10_000 }, (_, nth) => {
        const of = Math.floor((start + nth) / OF_ONE);
        const isNpm = of % 2 === 0;
        const at = Math.floor(of / 2);
        const ecosystem = isNpm ? 'npm' : 'Debian:12';
        const name = isNpm ? `module-${at}` : `lib${at}`;
        // One of them holds for the version that is there.
        const minor = nth % OF_ONE === 0 ? at + 1 : 0;
        const fixed = isNpm ? `1.${minor}.0` : `1.${minor}-1`;
        return {
          id: `CVE-2026-${100_000 + start + nth}`,
          summary: 'A flaw of which this is said in some words, as many as most titles have',
          details: 'x'.repeat(400),
          severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H' }],
          references: [{ url: 'https://example.com/advisory' }],
          affected: [
            {
              package: { ecosystem, name },
              ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed }] }],
            },
          ],
        };
      }),
    ];
  }
}
