#!/usr/bin/env node
'use strict';
// The command's entry, copied to dist/cli.js as it is. Old versions of Node have to understand every word of it, so
// that they can say what is wrong: ES2019, and no `node:` names before the version is known.

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 15)) {
  process.stderr.write(`error: jettison needs Node 20.15 or newer; this is Node ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  require('./code-cache.js').load(require.resolve('./chunks/core.js'));
  require('./main.js');
}
