// The replay of a long history: 1,000 commits of a repository with 5,000 files, packed as git packs them.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { line, sorted, timed, workspace } from './harness.mjs';

const FILES = 5000;
const COMMITS = 1000;
const DOCKERFILE = `FROM scratch AS build
WORKDIR /app
COPY package.json ./
RUN npm ci
COPY . .
RUN npm run build
FROM scratch
COPY --from=build /app/dist /app/dist
COPY docs /docs
`;

export default async function* run() {
  const space = workspace();
  const folder = join(space.root, 'repository');
  mkdirSync(folder);
  const git = (input, ...args) => {
    const { status, stderr } = spawnSync('git', args, { cwd: folder, input, maxBuffer: 1 << 28 });
    if (status !== 0) throw new Error(`git ${args.join(' ')}\n${stderr}`);
  };
  git('', 'init', '-q', '-b', 'main');
  git(history(), 'fast-import', '--quiet');
  git('', 'reset', '-q', '--hard');
  git('', 'repack', '-q', '-a', '-d', '-f');
  const replay = () => space.jettison('forecast', '--commits', String(COMMITS), folder);
  yield line(`forecast: ${COMMITS} commits, ${FILES} files`, sorted([0, 1, 2].map(() => timed(replay))));
}

/** A stream for `git fast-import`: the first commit has all files, each of the others changes one to five. */
function history() {
  let seed = 1;
  const below = (count) => {
    seed = (seed * 48271) % 0x7fffffff;
    return seed % count;
  };
  const path = (i) => `${i % 7 === 0 ? 'docs' : 'src'}/part${i % 40}/deep${i % 11}/file${i}.js`;
  const file = (name, text) => `M 100644 inline ${name}\ndata ${Buffer.byteLength(text)}\n${text}\n`;
  const content = (i, commit) => `// ${commit}\n${`exports.m${i} = ${i};\n`.repeat(30)}`;
  const commits = [];
  for (let commit = 0; commit <= COMMITS; commit++) {
    const files =
      commit === 0
        ? [
            ['Dockerfile', DOCKERFILE],
            ['.dockerignore', '.git\n**/*.md\n'],
            ['package.json', '{}\n'],
            ...Array.from({ length: FILES }, (_, i) => [path(i), content(i, 0)]),
          ]
        : Array.from({ length: 1 + below(5) }, () => below(FILES)).map((i) => [path(i), content(i, commit)]);
    const head = `commit refs/heads/main\ncommitter A <a@b.c> ${1.7e9 + commit * 3600} +0000\ndata 1\nc\n`;
    commits.push(head, ...files.map(([name, text]) => file(name, text)));
  }
  return commits.join('');
}
