// Whole processes: what a person waits for.
import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { line, measure, median, workspace } from './harness.mjs';

const DOCKERFILE = `FROM localhost/base AS deps
WORKDIR /app
COPY package.json ./
RUN echo deps > installed
FROM deps AS build
COPY src src
RUN cat src/* > bundle.js
FROM localhost/base
WORKDIR /app
COPY --from=build /app/bundle.js ./
CMD ["node", "bundle.js"]
`;

export default async function* run() {
  const space = workspace();
  const sources = Object.fromEntries(
    Array.from({ length: 200 }, (_, i) => [`app/src/m${i}.js`, `exports.m${i} = ${i};\n`.repeat(20)]),
  );
  space.write({ 'app/package.json': '{"name":"app"}\n', 'app/Dockerfile': DOCKERFILE, ...sources });
  space.jettison('base', 'host', '-t', 'localhost/base');
  const app = join(space.root, 'app');
  const build = () => space.jettison('build', '-t', 'app', app);
  build();

  const bare = measure(15, () => spawnSync(process.execPath, ['-e', '0']));
  yield line('node -e 0, for comparison', bare);
  yield line(
    'jettison --version',
    measure(15, () => space.jettison('--version')),
  );
  const cached = measure(15, build);
  yield line('fully cached build, 3 stages, 11 instructions, 200 files', cached);
  yield `${'  of which not the start of Node'.padEnd(56)} ${(median(cached) - median(bare)).toFixed(0).padStart(7)} ms`;
  yield line(
    'rebuild after an edit (a RUN and a COPY happen)',
    measure(7, (i) => {
      appendFileSync(join(app, 'src/m7.js'), `// ${i}\n`);
      build();
    }),
  );
}
