// `npm run data:lifecycles`: writes src/scan/lifecycle-data.ts, the end-of-life dates and releases that `jettison scan`
// knows without a network. Sources: the npm package node-releases (schedule of Node), the versions of the npm package
// node (one a release), Debian's package distro-info-data (`apt-get install distro-info-data`), and the table below.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import semver from 'semver';

/** Branch, release, end of support: as of https://endoflife.date/alpine. */
const ALPINE = `
3.0 2014-06-04 2016-05-01
3.1 2014-12-10 2016-11-01
3.2 2015-05-26 2017-05-01
3.3 2015-12-19 2017-11-01
3.4 2016-05-31 2018-05-01
3.5 2016-12-22 2018-11-01
3.6 2017-05-24 2019-05-01
3.7 2017-11-30 2019-11-01
3.8 2018-06-26 2020-05-01
3.9 2019-01-29 2020-11-01
3.10 2019-06-19 2021-05-01
3.11 2019-12-19 2021-11-01
3.12 2020-05-29 2022-05-01
3.13 2021-01-14 2022-11-01
3.14 2021-06-15 2023-05-01
3.15 2021-11-24 2023-11-01
3.16 2022-05-23 2024-05-23
3.17 2022-11-22 2024-11-22
3.18 2023-05-09 2025-05-09
3.19 2023-12-07 2025-11-01
3.20 2024-05-22 2026-04-01
3.21 2024-12-05 2026-11-01
3.22 2025-05-30 2027-05-01
3.23 2025-12-04 2027-11-01`;

const require = createRequire(import.meta.url);
const schedule = require('node-releases/data/release-schedule/release-schedule.json');
const listed = require('node-releases/data/processed/envs.json');
const published = JSON.parse(
  execFileSync('npm', ['view', 'node', 'versions', '--json'], { encoding: 'utf8' }),
);

const releases = listed.filter(({ version }) => semver.prerelease(version) === null);
const versions = [...new Set([...published, ...releases.map(({ version }) => version)])]
  .filter((version) => semver.valid(version) !== null && semver.prerelease(version) === null)
  .sort(semver.compare);
const made = releases
  .map(({ date }) => date)
  .sort()
  .at(-1);

const node = Object.entries(schedule)
  .map(([line, { start, end }]) => ({ line: line.slice(1), start, end }))
  .filter(({ line }) => Number(line) >= 4)
  .map(({ line, start, end }) => {
    const own = versions.filter((version) => semver.major(version) === Number(line));
    return [line, start, end, '-', own.map((version) => version.slice(line.length + 1)).join(' ')];
  })
  .filter(([, , , , own]) => own !== '');

const target = new URL('../src/scan/lifecycle-data.ts', import.meta.url);
writeFileSync(
  target,
  `// Written by \`npm run data:lifecycles\`. A line a release: its name, when it came out, when its support ends, when its
// extended support ends (Debian's LTS, Ubuntu's Pro), and of Node the releases on it.

/** The day of the newest release that is in here. */
export const MADE = '${made}';

/** Schedule of Node: https://github.com/nodejs/Release. */
export const NODE = \`
${node.map((row) => row.join(' ')).join('\n')}\`;

/** Debian's distro-info-data, under the ISC licence. */
export const DEBIAN = \`
${distribution('debian', (release) => release.split('.')[0], 'eol-lts')}\`;

/** Debian's distro-info-data, under the ISC licence. */
export const UBUNTU = \`
${distribution('ubuntu', (release) => release.replace(' LTS', ''), 'eol-esm')}\`;

/** As of https://endoflife.date/alpine. */
export const ALPINE = \`${ALPINE}\`;
`,
);
console.log(`${target.pathname}: ${readFileSync(target).length} bytes, releases until ${made}`);

/** Lines of a distribution that have a date of release; Debian 1 to 3 had no images. */
function distribution(name, cycleOf, extended) {
  const [head, ...rows] = readFileSync(`/usr/share/distro-info/${name}.csv`, 'utf8').trim().split('\n');
  const columns = head.split(',');
  return rows
    .map((row) => Object.fromEntries(row.split(',').map((value, at) => [columns[at], value])))
    .filter(({ version, release, eol }) => Number.parseFloat(version) >= 4 && release && eol)
    .map((row) => [cycleOf(row.version), row.release, row.eol, row[extended] || '-'].join(' '))
    .join('\n');
}
