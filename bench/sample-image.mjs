// The context of an image such as applications have: a base of 100 MB in two layers, a dependency tree of many
// small files, and the application. All of it is computed, always the same but for one file a layer.
import { createCipheriv } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const DOCKERFILE = `FROM scratch
COPY base /
COPY runtime /
COPY deps /app/node_modules
COPY app /app
CMD ["/bin/nothing"]
`;
const LAYERS = ['base', 'runtime', 'deps', 'app'];
const MEGABYTE = 1 << 20;

/**
 * Writes the context and its Dockerfile.
 *
 * @returns `renew(serial)` makes every layer another one; `edited` is a file to change; `runs`: whether the image
 * holds a program for this machine
 */
export function sampleImage(folder) {
  const random = stream();
  const write = (path, data) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), data);
  };
  write('Dockerfile', DOCKERFILE);
  for (let i = 0; i < 40; i++) write(`base/usr/lib/lib${i}.so`, binary(random, MEGABYTE));
  for (let i = 0; i < 2000; i++) write(`base/usr/share/s${i % 50}/f${i}`, text(random, 5000));
  write('runtime/usr/bin/runtime', binary(random, 50 * MEGABYTE));
  for (let i = 0; i < 10_000; i++) {
    write(`deps/pkg${Math.floor(i / 40)}/lib/${i % 4}/f${i}.js`, text(random, 300 + (i % 97) * 60));
  }
  for (let i = 0; i < 200; i++) write(`app/src/m${i}.js`, text(random, 2000));
  const program = nothing();
  if (program !== undefined) {
    write('base/bin/nothing', program);
    chmodSync(join(folder, 'base/bin/nothing'), 0o755);
  }
  return {
    edited: 'app/src/m7.js',
    runs: program !== undefined,
    renew(serial) {
      for (const layer of LAYERS) write(`${layer}/serial-${layer}`, serial);
    },
  };
}

/** Gives the next so many bytes of an endless stream that looks random and is always the same. */
function stream() {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 'jettison'), Buffer.alloc(16));
  return (length) => cipher.update(Buffer.alloc(length));
}

/** Compresses to half: as machine code does, more or less. */
function binary(random, length) {
  const data = random(length);
  for (let at = 0; at < length; at += 256) data.fill(at >> 16, at + 112, at + 256);
  return data;
}

const WORDS = 'const return function exports require this value index module error result options'.split(' ');

/** Compresses to a fifth or so, as source does. */
function text(random, length) {
  const words = [];
  for (const byte of random(Math.ceil(length / 7))) {
    words.push(byte < 200 ? WORDS[byte % WORDS.length] : `_${byte.toString(36)}`);
  }
  return words.join(' ').slice(0, length);
}

/** The smallest program that ends with 0, as an ELF file; undefined for machines whose code is not known here. */
function nothing() {
  const machines = {
    x64: { machine: 62, code: 'b83c00000031ff0f05' },
    arm64: { machine: 183, code: 'a80b80d2000080d2010000d4' },
  };
  const { machine, code } = machines[process.arch] ?? {};
  if (machine === undefined) return undefined;
  const start = 120;
  const program = Buffer.alloc(start + code.length / 2);
  program.write('7f454c46020101', 'hex');
  program.writeUInt16LE(2, 16); // executable
  program.writeUInt16LE(machine, 18);
  program.writeUInt32LE(1, 20);
  program.writeBigUInt64LE(BigInt(0x400000 + start), 24); // entry
  program.writeBigUInt64LE(64n, 32); // the program header follows
  program.writeUInt16LE(64, 52);
  program.writeUInt16LE(56, 54);
  program.writeUInt16LE(1, 56);
  program.writeUInt32LE(1, 64); // one segment, loaded
  program.writeUInt32LE(5, 68); // readable, executable
  program.writeBigUInt64LE(0x400000n, 80);
  program.writeBigUInt64LE(0x400000n, 88);
  program.writeBigUInt64LE(BigInt(program.length), 96);
  program.writeBigUInt64LE(BigInt(program.length), 104);
  program.writeBigUInt64LE(0x1000n, 112);
  program.write(code, start, 'hex');
  return program;
}
