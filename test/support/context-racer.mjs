/**
 * Changes a folder as fast as it can until it is killed: files grow, shrink, vanish, and become directories, links
 * to what is outside, FIFOs, and back. Each file of `files/`, and each member of the archive `archive`, holds one
 * character over and over, whatever state it is in.
 *
 * Usage: node context-racer.mjs CONTEXT OUTSIDE SEED
 */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const [, , context, outside, seed] = process.argv;
let state = Number(seed);
const below = (most) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * most);
};
const LETTERS = 'abcdefgh';
const DIRECTORIES = ['', 'one', 'two', 'one/deep'];
const place = () => join(context, 'files', DIRECTORIES[below(4)], `f${below(6)}`);
const size = () => [0, 10, 5000, 70_000, 1_200_000][below(5)];
const temporary = join(outside, '..', `racer-${process.pid}`);

function writeNew(path, make) {
  rmSync(temporary, { recursive: true, force: true });
  make(temporary);
  try {
    renameSync(temporary, path);
  } catch {
    rmSync(path, { recursive: true, force: true });
    renameSync(temporary, path);
  }
}

/** A tar of one file, `f`, with 70,000 letters. */
function tar(letter) {
  const header = Buffer.alloc(512);
  header.write('f');
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${(70_000).toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('ustar\x0000', 257);
  header[156] = 48;
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const content = Buffer.alloc(Math.ceil(70_000 / 512) * 512);
  content.fill(letter, 0, 70_000);
  return Buffer.concat([header, content, Buffer.alloc(1024)]);
}
const archive = join(context, 'archive');
const tars = [...LETTERS].map(tar);

function rest(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** A link to what is outside, for a moment: patterns that match one find nothing behind it. */
function link(target) {
  const path = place();
  writeNew(path, (path) => symlinkSync(join(outside, target), path));
  rest(2);
  writeNew(path, file);
}

const file = (path) => writeFileSync(path, LETTERS[below(8)].repeat(size()));
const changes = [
  () => writeNew(place(), file),
  () => writeNew(place(), file),
  () => rmSync(place(), { recursive: true, force: true }),
  () => {
    const fd = openSync(place(), constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { size } = fstatSync(fd);
    if (size > 0) ftruncateSync(fd, below(size));
    closeSync(fd);
  },
  () => {
    // Only what is new: of the same letter.
    const path = place();
    writeNew(path, (path) => writeFileSync(path, 'a'.repeat(100)));
    for (let i = 0; i < 20; i++) appendFileSync(path, 'a'.repeat(5000));
  },
  () => link('secret'),
  () => link('.'),
  () => writeNew(place(), (path) => mkdirSync(path)),
  () => writeNew(place(), (path) => execFileSync('mkfifo', [path])),
  () => linkSync(place(), place()),
  () => renameSync(place(), place()),
  () => utimesSync(place(), 1_600_000_000, 1_600_000_000),
  () => {
    // Nothing is changed through the link: it is gone before the next change.
    writeNew(join(context, 'files', 'one'), (path) => symlinkSync(outside, path));
    rest(2);
    writeNew(join(context, 'files', 'one'), (path) => mkdirSync(path));
    mkdirSync(join(context, 'files', 'one', 'deep'));
  },
  () => mkdirSync(join(context, 'files', 'two'), { recursive: true }),
  () => writeNew(archive, (path) => writeFileSync(path, tars[below(8)])),
  () => writeNew(archive, (path) => writeFileSync(path, tars[below(8)])),
  () => writeNew(archive, (path) => writeFileSync(path, tars[below(8)].subarray(0, below(70_000)))),
  () => writeNew(archive, (path) => execFileSync('mkfifo', [path])),
  () => writeNew(archive, (path) => symlinkSync(join(outside, 'secret.tar'), path)),
];

for (;;) {
  // Now and then long enough for a whole build.
  if (below(100) === 0) rest(below(600));
  try {
    changes[below(changes.length)]();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}
