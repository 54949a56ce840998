import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { build } from '../../src/build/build.ts';
import { type ForecastOptions, openHistory } from '../../src/build/opened-history.ts';
import { JettisonError } from '../../src/errors/error.ts';
import { openStore } from '../../src/store/store.ts';
import { GitHistory } from '../support/git-history.ts';
import { findProgram } from '../support/machine-network.ts';
import { makeBaseImage, whyNoSandbox } from '../support/sandbox.ts';
import { SEED } from '../support/seed.ts';
import { tempDir } from '../support/temp-dir.ts';
import { sample } from '../support/thorough.ts';

/** Commits of each history; all of them with real builds. */
const COMMITS = Number(process.env['JETTISON_FORECAST_COMMITS'] ?? 7);
const PLACES = ['src', 'src/deep/er', 'lib', 'docs', 'assets'];

// Histories may delete every file, and no forecast knows which commands fail: these never do.

/** Makes something else of whatever else is there: its names, modes, links and contents. */
const ALL =
  "find . -exec stat -c '%N %f' {} + | sort > /tmp/all; find . -type f | sort | xargs sha256sum >> /tmp/all";

interface Project {
  name: string;
  /** Of the context in the repository. */
  subdirectory?: string;
  files: Record<string, string>;
  dockerfiles: string[];
  ignores: string[];
}

const PROJECTS: Project[] = [
  {
    name: 'manifests first, a build stage, a small image',
    files: { 'package.json': '{"v":0}', 'src/a0.js': 'a', 'docs/a0.md': 'd', 'conf/app.conf': 'c' },
    dockerfiles: [
      `FROM base AS build
WORKDIR /app
COPY package*.json ./
RUN cat package*.json > /tmp/installed || echo none > /tmp/installed
COPY . .
RUN mkdir -p dist && ${ALL} && cp /tmp/all dist/bundle
FROM base
WORKDIR /srv
COPY conf/app.conf /etc/app.conf
COPY --from=build /app/dist ./dist
RUN sha256sum dist/bundle > /tmp/sum
COPY docs* ./docs/
`,
      `FROM base AS build
WORKDIR /app
COPY . .
RUN mkdir -p dist && ${ALL} && cp /tmp/all dist/bundle
FROM base
WORKDIR /srv
COPY --from=build /app/dist ./dist
COPY docs* ./docs/
`,
    ],
    ignores: [
      '.git\n',
      '.git\n*.md\n',
      '.git\ndocs\n!docs/a*.md\nDockerfile\n',
      '.git\n.dockerignore\nlib/*\n',
    ],
  },
  {
    name: 'every kind of COPY',
    files: { 'src/a0.js': 'a', 'lib/a0.js': 'b', 'assets/a0.txt': 'c', 'docs/a0.md': 'd' },
    dockerfiles: [
      `FROM base AS tools
COPY --chmod=755 lib* /tools/
RUN --mount=type=bind,source=src,target=/in cd /in && ${ALL}
FROM scratch AS files
COPY src /src
COPY assets/*.txt /txt/
FROM base
COPY --from=files / /all/
RUN cd /all && ${ALL}
COPY --exclude=*.md --exclude=src . /some/
COPY --parents src/*.js lib/**/*.txt /parents/
COPY <<EOF /made/here
text
EOF
COPY --link assets /assets/
ADD lib/ src/ /both/
RUN cd /both && ${ALL}
COPY --from=tools /tools /tools
`,
      `FROM base
COPY src assets /both/
RUN cd /both && ${ALL}
`,
    ],
    ignores: ['.git\n', '**/*.md\n.git', '*\n!src\n!lib\n!assets\nsrc/deep\n!src/deep/er/a*\n'],
  },
  {
    name: 'a subdirectory of a repository',
    subdirectory: 'service',
    files: { 'service/src/a0.js': 'a', 'service/lib/a0.js': 'b', 'other/a0.js': 'o' },
    dockerfiles: [
      `FROM base AS common
WORKDIR /opt/deep
COPY lib lib
RUN cd lib && ${ALL}
FROM common AS test
COPY . .
RUN ${ALL}
FROM common
COPY src src
RUN --mount=type=bind,from=test,source=/opt/deep/src,target=/mnt cd /mnt && ${ALL}
WORKDIR /opt/other
COPY --chown=node lib/*.js /opt/other/
`,
    ],
    ignores: ['docs\n', 'docs\n**/a1.js\n', ''],
  },
  {
    name: 'the folder .git in the context',
    files: { 'src/a0.js': 'a', 'lib/a0.js': 'b' },
    dockerfiles: [
      `FROM base
COPY src /src
RUN cd /src && ${ALL}
COPY . /all
COPY lib /lib2
`,
    ],
    ignores: ['docs\n', '.git\n!.git/config\n'],
  },
];

const whyNot = findProgram('git') === undefined ? 'git is not installed' : whyNoSandbox();

describe.skipIf(whyNot !== undefined)('a forecast is what real builds do', () => {
  for (const [number, project] of sample([...PROJECTS.entries()], 1)) {
    for (const asCommitted of [false, true]) {
      const title = `${project.name}, with ${asCommitted ? "each commit's own Dockerfile" : "today's Dockerfile"}`;
      test(title, { timeout: 1_800_000 }, async () => {
        const seed = SEED + number;
        const history = writeHistory(project, seed, COMMITS);
        const commits = history.firstParents();
        const home = join(tempDir(), 'store');
        const store = openStore({ home });
        await makeBaseImage({ home, store, remove: () => {} }, 'base', { Env: ['PATH=/bin'] });
        store.close();
        const context = join(history.folder, project.subdirectory ?? '');
        const options: ForecastOptions = { context, home, commits: COMMITS * 2, asCommitted, env: {} };
        const truth = await buildAll(history, context, commits, home, asCommitted);
        const opened = await openHistory({ ...options, ...(asCommitted ? {} : { file: truth.file }) });
        try {
          const replayed = await opened.replay(await opened.today());
          const found = replayed.map(({ changed }) =>
            changed.error === undefined
              ? [...changed.steps.values()].map(({ step, outcome }) => `${step.id} ${step.title}: ${outcome}`)
              : ['failed'],
          );
          expect(found.map((steps, at) => ({ seed, at, commit: commits[at], steps }))).toEqual(
            truth.builds.map((steps, at) => ({ seed, at, commit: commits[at], steps })),
          );
          expect(found.flat().filter((line) => line.endsWith('done')).length).toBeGreaterThan(COMMITS / 2);
        } finally {
          opened.close();
        }
      });
    }
  }
});

function writeHistory(project: Project, seed: number, count: number): GitHistory {
  const history = new GitHistory(join(tempDir(), 'repository'), seed);
  const below = project.subdirectory === undefined ? '' : `${project.subdirectory}/`;
  const [dockerfile, ignore] = [`${below}Dockerfile`, `${below}.dockerignore`];
  history.write({ ...project.files, [dockerfile]: project.dockerfiles[0]!, [ignore]: project.ignores[0]! });
  history.commit();
  const places = [...PLACES.map((place) => `${below}${place}`), ...(below === '' ? [] : ['other'])];
  const kept = [dockerfile, ignore, ...Object.keys(project.files)];
  for (let i = 1; i < count; i++) {
    const kind = history.below(12);
    if (kind === 0) history.write({ [ignore]: history.pick(project.ignores) });
    else if (kind === 1) history.write({ [dockerfile]: history.pick(project.dockerfiles) });
    else if (kind === 2) history.write({ [history.pick(Object.keys(project.files))]: `${history.below(5)}` });
    else history.change(places, history.below(8) === 0 ? [dockerfile, ignore] : kept);
    history.commit();
  }
  return history;
}

/** Checks each commit out and builds it, one after the other in one store. */
async function buildAll(
  history: GitHistory,
  context: string,
  commits: readonly string[],
  home: string,
  asCommitted: boolean,
): Promise<{ builds: string[][]; file: string }> {
  // The ignore file beside the Dockerfile goes before the context's.
  const aside = join(tempDir(), 'aside');
  mkdirSync(aside);
  const file = join(aside, 'Dockerfile');
  const below = context === history.folder ? '' : `${context.slice(history.folder.length + 1)}/`;
  writeFileSync(file, history.text(`${below}Dockerfile`));
  writeFileSync(`${file}.dockerignore`, history.text(`${below}.dockerignore`));
  const builds: string[][] = [];
  for (const commit of commits) {
    history.git('checkout', '-q', '-f', '--detach', commit);
    history.git('clean', '-q', '-f', '-d', '-x');
    mkdirSync(context, { recursive: true });
    builds.push(
      await outcomes({ context, home, env: { PATH: process.env['PATH'] } }, asCommitted ? undefined : file),
    );
  }
  history.git('checkout', '-q', '-f', 'main');
  return { builds, file };
}

async function outcomes(options: Parameters<typeof build>[0], file: string | undefined): Promise<string[]> {
  const titles = new Map<string, string>();
  const ended = new Map<string, string>();
  try {
    await build({
      ...options,
      outputs: [{ type: 'image' }],
      ...(file === undefined ? {} : { file }),
      onEvent: (event) => {
        if (event.type === 'build.planned') {
          for (const { id, title } of event.steps) titles.set(id, title);
        }
        if (event.type === 'step.finished') ended.set(event.step, event.outcome);
      },
    });
  } catch (error) {
    if (error instanceof JettisonError) return ['failed'];
    throw error;
  }
  return [...titles]
    .filter(([, title]) => !title.startsWith('FROM '))
    .map(([id, title]) => `${id} ${title}: ${ended.get(id)}`);
}
