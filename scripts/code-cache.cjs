'use strict';
// Keeps what V8 compiles of the largest module (dist/chunks/core.js) in a folder of the user's, copied to
// dist/code-cache.js as it is. It takes a tenth off the start of a cached build.
//
// A code cache is code: it runs in place of the source and nobody reads it. So none is published, and none is taken
// that somebody else could have written: folder and file belong to the user who starts the command and are closed to
// all others (0700, 0600; no symlink, no second hard link). Root with the HOME of another user goes without.
//
// V8 does not see every difference that matters, not even that between two versions of Node 20: the name of a file is
// a digest of the source and of everything about this Node. The file is one line, then V8's data:
//
//   jettison-code-1 <SHA-256 of the name, the origin and the data> <origin: build, or other>\n

const { createHash, randomBytes } = require('node:crypto');
const fs = require('node:fs');
const { dirname, isAbsolute, join } = require('node:path');
const { Script } = require('node:vm');

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
const MAGIC = 'jettison-code-1';
const HEADER_BYTES = MAGIC.length + 1 + 64 + 1 + 'build'.length + 1;
const LARGEST = 32 * 1024 * 1024;
/** What is kept: one of each Node that is in use, and some of versions before. */
const MOST_FILES = 6;
/** An unfinished file as old as this is a killed process's. */
const LEFTOVER_MS = 3_600_000;
/** V8 drops code that a long-running process has not used for a while. */
const SHORT_RUN_SECONDS = 5;
/** The id that the kernel shows for every id that a user namespace lacks: equal ids mean nothing then. */
const OVERFLOW_ID = 65534;

/** Loads a module, as `require` would, with what an earlier start has compiled of it. */
exports.load = (file) => {
  const folder = cacheFolder();
  if (folder === undefined) return;
  const source = fs.readFileSync(file, 'utf8');
  const name = nameOf(file, source);
  const path = join(folder, name);
  const cached = read(path, name);
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
  const script = new Script(wrapped, { filename: file, cachedData: cached?.data });
  const isUsed = cached !== undefined && !script.cachedDataRejected;
  run(script, file);

  // A build uses most of the module, other commands little of it.
  const isBuild = process.argv[2] === 'build';
  if (isUsed && (cached.origin === 'build' || !isBuild)) return;
  process.on('exit', (code) => {
    const isWhole = isBuild && code === 0 && process.uptime() < SHORT_RUN_SECONDS;
    if (!isUsed || isWhole) write(path, name, isWhole ? 'build' : 'other', script.createCachedData());
  });
};

function run(script, file) {
  const loaded = new module.constructor(file, module);
  loaded.filename = file;
  loaded.paths = module.paths;
  require.cache[file] = loaded;
  const call = script.runInThisContext();
  call.call(loaded.exports, loaded.exports, (id) => loaded.require(id), loaded, file, dirname(file));
  loaded.loaded = true;
}

/** The folder, made if need be; undefined where there is none that only this user can write to. */
function cacheFolder() {
  const { XDG_CACHE_HOME, HOME, NODE_DISABLE_COMPILE_CACHE, NODE_V8_COVERAGE } = process.env;
  const user = process.geteuid?.();
  if (user === undefined || user === OVERFLOW_ID || NODE_DISABLE_COMPILE_CACHE || NODE_V8_COVERAGE) return;
  const base = XDG_CACHE_HOME || (HOME && join(HOME, '.cache'));
  if (!base || !isAbsolute(base)) return;
  const outer = join(base, 'jettison');
  const folder = join(outer, 'code');
  try {
    if (fs.lstatSync(folder, { throwIfNoEntry: false }) === undefined) {
      if (!isOwned(nearest(outer), user)) return;
      make(folder);
    }
    const [above, own] = [fs.lstatSync(outer), fs.lstatSync(folder)];
    const areTheirs = [above, own].every((stat) => stat.isDirectory() && isOwned(stat, user));
    return areTheirs && (above.mode & 0o022) === 0 && (own.mode & 0o077) === 0 ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** Of a path, what is there: itself, or the directory in which the rest would be made. */
function nearest(path) {
  return fs.statSync(path, { throwIfNoEntry: false }) ?? nearest(dirname(path));
}

/** Not `recursive: true`, which never ends in /proc (Node 20). */
function make(folder) {
  if (fs.existsSync(folder)) return;
  make(dirname(folder));
  try {
    fs.mkdirSync(folder, 0o700);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
}

function isOwned(stat, user) {
  return stat.uid === user;
}

function nameOf(file, source) {
  const { dev, ino, size, mtimeMs, ctimeMs } = fs.statSync(process.execPath);
  const conditions = [
    process.versions,
    process.platform,
    process.arch,
    [process.execPath, dev, ino, size, mtimeMs, ctimeMs],
    process.execArgv,
    process.env.NODE_OPTIONS ?? '',
    file,
  ];
  return createHash('sha256').update(JSON.stringify(conditions)).update(source).digest('hex').slice(0, 32);
}

/** What a file holds; undefined without it. One about which anything is odd is deleted. */
function read(path, name) {
  let descriptor;
  try {
    descriptor = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (error.code !== 'ENOENT') remove(path);
    return undefined;
  }
  try {
    const stat = fs.fstatSync(descriptor);
    const isSound =
      stat.isFile() &&
      isOwned(stat, process.geteuid()) &&
      (stat.mode & 0o077) === 0 &&
      stat.nlink === 1 &&
      stat.size > HEADER_BYTES &&
      stat.size <= LARGEST;
    const bytes = isSound ? fs.readFileSync(descriptor) : Buffer.alloc(0);
    const [magic, digest, origin, more] = bytes.toString('latin1', 0, HEADER_BYTES - 1).split(' ');
    const data = bytes.subarray(HEADER_BYTES);
    if (magic === MAGIC && more === undefined && digest === digestOf(name, origin, data))
      return { origin, data };
  } catch {
    // As if it were damaged.
  } finally {
    fs.closeSync(descriptor);
  }
  remove(path);
  return undefined;
}

function digestOf(name, origin, data) {
  return createHash('sha256').update(`${name} ${origin}\n`).update(data).digest('hex');
}

/** Nothing depends on it: without room or permission there is no cache. */
function write(path, name, origin, data) {
  const folder = dirname(path);
  const unfinished = join(folder, `${name}.${randomBytes(6).toString('hex')}.new`);
  try {
    const descriptor = fs.openSync(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      const header = `${MAGIC} ${digestOf(name, origin, data)} ${origin}\n`;
      for (const bytes of [Buffer.from(header), data]) {
        for (let done = 0; done < bytes.length; ) done += fs.writeSync(descriptor, bytes, done);
      }
    } finally {
      fs.closeSync(descriptor);
    }
    fs.renameSync(unfinished, path);
    tidy(folder);
  } catch {
    remove(unfinished);
  }
}

function tidy(folder) {
  const files = fs.readdirSync(folder).map((name) => {
    const stat = fs.lstatSync(join(folder, name), { throwIfNoEntry: false });
    return { path: join(folder, name), isUnfinished: name.endsWith('.new'), time: stat?.mtimeMs ?? 0 };
  });
  const old = files.filter((file) => file.isUnfinished && file.time < Date.now() - LEFTOVER_MS);
  const whole = files.filter((file) => !file.isUnfinished).sort((a, b) => b.time - a.time);
  for (const { path } of [...old, ...whole.slice(MOST_FILES)]) remove(path);
}

function remove(path) {
  try {
    fs.unlinkSync(path);
  } catch {
    // Gone already, or a directory, which nothing of ours makes.
  }
}
