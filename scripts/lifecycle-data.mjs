// `npm run data:lifecycles`: writes src/scan/lifecycle-data.ts, the end-of-life dates and releases that `jettison scan`
// knows without a network. Sources: the npm package node-releases (schedule of Node), the versions of the npm package
// node (one a release), and Debian's package distro-info-data (`apt-get install distro-info-data`). Alpine publishes no such
// list: src/scan/alpine-releases.ts is written by hand.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import semver from 'semver';

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
