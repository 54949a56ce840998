// A case: one text file with the Dockerfile, its context and what else it needs. See ../README.md.
import { execFileSync } from 'node:child_process';
import { lstatSync, lutimesSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeLayout } from './layout.mjs';

/** The modification time of everything in a context, so that it can be told from the time of the build. */
const CONTEXT_TIME = new Date('2001-02-03T04:05:06Z');

/** Sections that are not files of the context. */
const SPECIAL = new Set(['setup.sh', 'args', 'env', 'expect', 'base.json']);

/**
 * @typedef {object} Expectation What is allowed to differ, and why.
 * @property {string} reason
 * @property {'ok' | 'fail' | undefined} jettison what Jettison does where the engine does something else
 * @property {RegExp[]} ignore lines of the summaries that are not compared
 * @property {string[]} has lines that Jettison's summary must have
 * @property {{ docker?: string, jettison?: string }} errors what their messages say where they refuse the case
 *
 * @typedef {object} Case
 * @property {string} name `<area>/<name>`
 * @property {string} text the whole file
 * @property {string} about what is said before the first section
 * @property {Map<string, string>} files
 * @property {string | undefined} setup
 * @property {Record<string, unknown> | undefined} base config of an image that is the named context `base`
 * @property {string[]} args
 * @property {string} [url] what stands for `@HTTP@`
 * @property {Record<string, string>} env
 * @property {Expectation | undefined} expect
 */

/** All cases below a folder, sorted by name. @returns {Case[]} */
export function readCases(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((path) => path.endsWith('.case'))
    .sort()
    .map((path) => parseCase(path.replace(/\.case$/, ''), readFileSync(join(folder, path), 'utf8')));
}

/** @returns {Case} */
export function parseCase(name, text) {
  const parts = text.split(/^-- (\S+) --\n/m);
  const sections = new Map();
  for (let i = 1; i < parts.length; i += 2) sections.set(parts[i], parts[i + 1]);
  if (sections.size === 0) throw new Error(`${name}: no section`);
  const files = new Map([...sections].filter(([file]) => !SPECIAL.has(file)));
  return {
    name,
    text,
    about: parts[0].trim(),
    files,
    setup: sections.get('setup.sh'),
    base: sections.has('base.json') ? JSON.parse(sections.get('base.json')) : undefined,
    args: lines(sections.get('args')),
    env: Object.fromEntries(lines(sections.get('env')).map((line) => line.split(/=(.*)/s, 2))),
    expect: sections.has('expect') ? expectation(name, sections.get('expect')) : undefined,
  };
}

function lines(text = '') {
  return text.split('\n').filter((line) => line !== '');
}

function expectation(name, text) {
  const expect = { reason: '', jettison: undefined, ignore: [], has: [], errors: {} };
  for (const line of lines(text)) {
    const [, word, rest] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (word === 'reason') expect.reason += `${expect.reason && ' '}${rest}`;
    else if (word === 'jettison' && (rest === 'ok' || rest === 'fail')) expect.jettison = rest;
    else if (word === 'ignore') expect.ignore.push(new RegExp(rest));
    else if (word === 'has') expect.has.push(rest);
    else if (word === 'error' && /^(docker|jettison) ./.test(rest)) {
      const [side, text] = rest.split(/ (.*)/s);
      expect.errors[side] = text;
    } else throw new Error(`${name}: "${line}" is no expectation`);
  }
  const differs = expect.jettison !== undefined || expect.ignore.length > 0 || expect.has.length > 0;
  if (differs && expect.reason === '')
    throw new Error(`${name}: a difference that is expected needs its reason`);
  return expect;
}

/**
 * Where a case's context is put. The engine keeps one copy of all contexts whose last name is the same, and the
 * times of directories in it are what came last: so every case has a name of its own.
 */
export function contextFolder(one, folder) {
  return join(folder, one.name.replaceAll('/', '.'));
}

/** Folder and name of the image that `base.json` describes: outside of the context. */
export function baseFolder(context) {
  return `${context}.base`;
}
export function baseName(one) {
  return `jettison-conformance-base:${one.name.replaceAll('/', '.')}`;
}

/** Writes a case's context into a folder, and the base beside it. */
export function writeContext(one, folder) {
  mkdirSync(folder, { recursive: true });
  if (one.base !== undefined) writeLayout(baseFolder(folder), baseName(one), one.base);
  for (const [path, content] of one.files) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  setTimes(folder);
  if (one.setup === undefined) return;
  execFileSync('sh', ['-eu', '-c', one.setup], {
    cwd: folder,
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' },
  });
  setTimes(folder, (time) => time > Date.now() - 3_600_000);
}

function setTimes(path, when = () => true) {
  const stat = lstatSync(path);
  if (stat.isDirectory()) for (const name of readdirSync(path)) setTimes(join(path, name), when);
  if (when(stat.mtimeMs)) lutimesSync(path, CONTEXT_TIME, CONTEXT_TIME);
}
