'use strict';
// compile-core.cjs DIST: runs a small build in dist/ and keeps what V8 compiled on the way as dist/core.cache.
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join, resolve } = require('node:path');
const { Script } = require('node:vm');

const dist = resolve(process.argv[2]);
const file = join(dist, 'chunks', 'core.js');
const source = readFileSync(file, 'utf8');
const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
  filename: file,
});
const loaded = new module.constructor(file, module);
loaded.filename = file;
require.cache[file] = loaded;
const run = script.runInThisContext();
run.call(loaded.exports, loaded.exports, (id) => loaded.require(id), loaded, file, join(file, '..'));
loaded.loaded = true;

const folder = mkdtempSync(join(tmpdir(), 'jettison-compile-'));
writeFileSync(
  join(folder, 'Dockerfile'),
  'ARG A=1\nFROM scratch AS a\nENV B=${A}\nLABEL c=d\nCMD ["x"]\nFROM a\nARG A\nENTRYPOINT ["y"]\nEXPOSE 80\n',
);
process.env.JETTISON_HOME = join(folder, 'store');
process.argv = [process.argv[0], join(dist, 'cli.js'), 'build', '--progress=plain', '-t', 'compiled', folder];
process.on('exit', () => {
  writeFileSync(join(dist, 'core.cache'), script.createCachedData());
  rmSync(folder, { recursive: true, force: true });
});
// Nobody wants to see the progress of this build.
process.stderr.write = () => true;
require(join(dist, 'main.js'));
