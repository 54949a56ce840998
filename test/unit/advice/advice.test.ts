import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ADVICE_RULES } from '../../../src/advice/advise.ts';
import { fixText } from '../../../src/cli/lint-fix.ts';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import { linted, rulesFor } from '../../support/linted.ts';

const END = '\nFROM scratch\nCOPY --from=build /out /\n';
const NODE = 'FROM node:22-slim AS build\nWORKDIR /app\nCOPY package.json package-lock.json ./\n';
const DEV = { 'package.json': '{ "devDependencies": { "a": "1" } }', 'package-lock.json': '{}' };

/** A Dockerfile with the finding, and one that differs only in which stage is shipped or how stages are linked. */
const STAGES: [rule: string, shipped: string, other: string, files?: Record<string, string>][] = [
  ['AptLists', 'FROM debian:12 AS build\nRUN apt-get update && apt-get install -y jq\n', END],
  ['AptRecommends', 'FROM debian:12 AS build\nRUN apt-get install -y jq && rm -rf /var/lib/apt/lists\n', END],
  ['ApkCache', 'FROM alpine:3.22 AS build\nRUN apk add jq\n', END],
  ['PipCache', 'FROM python:3.13-slim AS build\nRUN pip install -r requirements.txt\n', END],
  ['NodeCache', `${NODE}RUN npm ci --omit=dev\n`, END],
  ['RpmCache', 'FROM fedora:42 AS build\nRUN dnf install -y jq\n', END],
  ['CleanupInLaterLayer', `${NODE}RUN npm ci --omit=dev\nRUN npm prune --omit=dev\n`, END],
  ['DevDependencies', `${NODE}RUN npm ci\n`, END, DEV],
  ['DevDependencies', `${NODE}RUN npm ci\nFROM node:22-slim\nCOPY --from=build /app /app\n`, END, DEV],
  ['BuildTools', 'FROM alpine:3.22 AS build\nRUN apk add --no-cache gcc\n', END],
  ['BuildTools', 'FROM golang:1.24 AS build\nCMD ["/app"]\n', END],
  ['ChownCopies', 'FROM alpine:3.22 AS build\nCOPY . /srv\nRUN chown -R 1000 /srv\n', END],
  ['CopiedSecrets', 'FROM alpine:3.22 AS build\nCOPY id_rsa /root/.ssh/\n', END],
  ['RunAsRoot', 'FROM alpine:3.22 AS build\nCMD ["top"]\n', END],
  ['NumericUser', 'FROM alpine:3.22 AS build\nUSER app\n', END],
  ['FullBase', 'FROM node:22 AS build\n', END],
  ['PackageManagerStart', 'FROM node:22-slim AS build\nCMD ["yarn", "start"]\n', END],
  ['DistrolessCommand', 'FROM gcr.io/distroless/nodejs22 AS build\nCMD ["node", "a.js"]\n', END],
  ['HealthcheckProgram', 'FROM node:22-slim AS build\nHEALTHCHECK CMD curl -f localhost\n', END],
  ['NextStandalone', 'FROM node:22-slim AS build\nCOPY --from=x /app/.next/standalone ./\n', END],
  ['OneDownloader', 'FROM alpine:3.22 AS build\nRUN wget -q a && curl -f b\n', END],
  [
    'ExtractedArchive',
    'FROM alpine:3.22 AS build\nCOPY a.tgz /tmp/\nRUN tar xzf /tmp/a.tgz\n',
    END,
    { 'a.tgz': '' },
  ],
  ['SystemUpgrade', 'FROM debian:12 AS build\nRUN apt-get update && apt-get -y upgrade\n', END],
  ['LargeUserIds', 'FROM debian:12 AS build\nRUN useradd -u 1000800000 app\n', END],
  ['EndOfLifeBase', 'FROM node:16-slim\nCMD ["node", "a.js"]\n', 'FROM scratch\n'],
  // These are about the build itself: they hold in any stage, and not where another stage does the work.
  ['NpmCi', `${NODE}RUN npm install\n`, 'FROM scratch\n', DEV],
  [
    'AptUpdateAlone',
    'FROM debian:12 AS build\nRUN apt-get update\nRUN apt-get install -y jq\n',
    'FROM scratch\n',
  ],
  ['ManifestsComplete', `${NODE}RUN npm ci\n`, 'FROM scratch\n', { ...DEV, '.npmrc': 'a=b' }],
  ['Dockerignore', 'FROM alpine:3.22 AS build\nCOPY . /srv\n', 'FROM scratch\n', { '.env': 'A=1' }],
  ['ChangeDirectory', 'FROM debian:12 AS build\nRUN cd /src && make\n', END],
  ['ContainerCommands', 'FROM debian:12 AS build\nRUN service cron start\n', END],
  ['PinnedTools', 'FROM node:22-slim AS build\nRUN npm install -g pnpm tsx@4.0.0\n', END],
  ['WgetProgress', 'FROM alpine:3.22 AS build\nRUN wget http://a\n', END],
  ['ShellLink', 'FROM debian:12 AS build\nRUN ln -sf /bin/bash /bin/sh\n', END],
];
const IN_ANY_STAGE = new Set([
  'EndOfLifeBase',
  'ChangeDirectory',
  'ContainerCommands',
  'PinnedTools',
  'WgetProgress',
  'ShellLink',
  'NpmCi',
  'AptUpdateAlone',
  'ManifestsComplete',
  'Dockerignore',
]);

describe('rules of advice and stages', () => {
  test.each(STAGES)('%s: %j', async (rule, shipped, other, files = {}) => {
    expect(await rulesFor(shipped, files)).toContain(rule);
    const found = await rulesFor(shipped + other, files);
    if (IN_ANY_STAGE.has(rule)) expect(found).toContain(rule);
    else expect(found).not.toContain(rule);
  });

  test.each([
    [
      'PinnedTools',
      'pip install flask==3.0.0 && pip install -r a.txt && pip install . && gem install rake -v 13',
    ],
    ['PinnedTools', 'npm install -g pnpm@10 @scope/tool@1.2.3 ./local.tgz && npm install lodash'],
    ['PinnedTools', 'go install example.com/a@v1.2.3'],
    ['SystemUpgrade', 'apt-get install -y --only-upgrade jq && apk upgrade jq'],
    ['LargeUserIds', 'useradd -l -u 1000800000 a && useradd -u 1000 b && useradd c'],
    ['WgetProgress', 'wget -q a && wget -nv b && wget --progress=dot c && wget -qO- d'],
    ['ChangeDirectory', 'cd /a && make && cd /b && make'],
    ['ShellLink', 'ln -s /a /b'],
    ['ExtractedArchive', 'tar -xzf /tmp/other.tgz'],
    ['OneDownloader', 'wget -q a && wget -q b'],
    ['ContainerCommands', 'make service'],
  ])('%s: nothing is found in %j', async (rule, command) => {
    const text = `FROM debian:12-slim\nCOPY a.tgz /tmp/\nRUN ${command}\n`;
    expect(await rulesFor(text, { 'a.tgz': '' })).not.toContain(rule);
  });

  test('the last stage is shipped, with a name or without', async () => {
    expect(await rulesFor('FROM node:22\nFROM node:22-slim AS final\n')).not.toContain('FullBase');
    expect(await rulesFor('FROM node:22-slim AS build\nFROM node:22\n')).toContain('FullBase');
  });

  test('ExtractedArchive: names the archive that is extracted', async () => {
    const text = 'FROM debian:12-slim\nCOPY a.tgz b.tgz /tmp/\nRUN tar xzf /tmp/b.tgz\n';
    const found = (await linted(text, { 'a.tgz': '', 'b.tgz': '' })).find(
      ({ code }) => code === 'ExtractedArchive',
    );
    expect(found).toMatchObject({
      message: 'b.tgz stays in the layer of line 2, beside what is extracted of it',
      hint: 'Write ADD b.tgz in place of the COPY: it extracts.',
    });
  });

  test('EndOfLifeBase: a stage that is not shipped is an info', async () => {
    const severity = async (text: string) =>
      (await linted(text)).find(({ code }) => code === 'EndOfLifeBase')?.severity;
    expect(await severity('FROM node:16-slim\n')).toBe('warning');
    expect(await severity('FROM node:16-slim AS a\nFROM node:22-slim\n')).toBe('info');
    expect(await severity('FROM node:22-alpine3.16\n')).toBe('warning');
    // Its LTS goes on.
    expect(await severity('FROM debian:12\n')).toBeUndefined();
  });

  test('a file with secrets is an error only where it is shipped', async () => {
    const severity = async (text: string) =>
      (await linted(text, { '.env': 'A=1' })).find(({ code }) => code === 'Dockerignore')?.severity;
    expect(await severity('FROM alpine:3.22\nCOPY . /srv\n')).toBe('error');
    expect(await severity('FROM alpine:3.22 AS build\nCOPY . /srv\nFROM scratch\n')).toBe('warning');
  });

  test('a stage without the instruction that installs copies nothing of another before it', async () => {
    const split = `${NODE.replace('package.json package-lock.json', '.')}FROM node:22-slim\nRUN npm ci --omit=dev\n`;
    expect(await rulesFor(split)).not.toContain('SourcesBeforeInstall');
    expect(await rulesFor(split.replace('FROM node:22-slim\nRUN', 'RUN'))).toContain('SourcesBeforeInstall');
  });

  test('ProductionBeforeBuild: a variable of another stage does not count', async () => {
    const steps = `RUN npm ci\nRUN npm run build\n`;
    const own = NODE.replace('WORKDIR', 'ENV NODE_ENV=production\nWORKDIR');
    expect(await rulesFor(own + steps, DEV)).toContain('ProductionBeforeBuild');
    const other = `FROM node:22-slim AS first\nENV NODE_ENV=production\n${NODE}${steps}`;
    expect(await rulesFor(other, DEV)).not.toContain('ProductionBeforeBuild');
    const below = `FROM node:22-slim AS first\nENV NODE_ENV=production\n${NODE.replace('node:22-slim', 'first')}${steps}`;
    expect(await rulesFor(below, DEV)).toContain('ProductionBeforeBuild');
  });

  test('EnvReadsItself and CopyWithoutWorkdir look into the stages below', async () => {
    const env = 'ENV VERSION=2 FILE=app-$VERSION\n';
    expect(await rulesFor(`FROM alpine:3.22\n${env}`)).toContain('EnvReadsItself');
    const base = 'FROM alpine:3.22\nENV PATH=/a:$PATH B=$PATH\nENV OPTIONS="$OPTIONS -x" C=$OPTIONS\n';
    expect(await rulesFor(base)).not.toContain('EnvReadsItself');
    const below = `FROM alpine:3.22 AS a\nENV VERSION=1\nFROM a\n${env}`;
    expect(await rulesFor(below)).not.toContain('EnvReadsItself');
    expect(await rulesFor('FROM alpine:3.22\nCOPY a b/\n')).toContain('CopyWithoutWorkdir');
    const directory = 'FROM alpine:3.22 AS a\nWORKDIR /srv\nFROM a\nCOPY a b/\n';
    expect(await rulesFor(directory)).not.toContain('CopyWithoutWorkdir');
  });

  test('PipeFailure: a SHELL of the stage below counts', async () => {
    const run = 'RUN curl -fsS https://example.com/a | tar -x\n';
    expect(await rulesFor(`FROM debian:12\n${run}`)).toContain('PipeFailure');
    const below = `FROM debian:12 AS a\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]\nFROM a\n${run}`;
    expect(await rulesFor(below)).not.toContain('PipeFailure');
  });

  test('CacheMountTarget: the user of the stage below counts', async () => {
    const run = 'RUN --mount=type=cache,target=/root/.npm npm ci\n';
    expect(await rulesFor(`FROM node:22-slim\n${run}`)).not.toContain('CacheMountTarget');
    expect(await rulesFor(`FROM node:22-slim AS a\nUSER node\nFROM a\n${run}`)).toContain('CacheMountTarget');
  });

  test('BaseTag: a stage is not an image', async () => {
    expect(await rulesFor('FROM alpine\n')).toContain('BaseTag');
    expect(await rulesFor('FROM alpine:3.22 AS base\nFROM base\n')).not.toContain('BaseTag');
    expect(await rulesFor('ARG BASE=alpine:latest\nFROM $BASE\n')).toContain('BaseTag');
  });
});

describe('comments', () => {
  const TEXT = 'FROM alpine:3.22\nRUN apk add jq\n';
  const above = (comment: string) => TEXT.replace('RUN', `${comment}\nRUN`);

  test.each([
    '# jettison ignore=ApkCache people install more packages',
    '# jettison ignore=Sudo, ApkCache',
    '# hadolint ignore=DL3018,DL3019',
    '# check=skip=ApkCache',
  ])('%s turns a rule off for the instruction below', async (comment) => {
    expect(await rulesFor(TEXT)).toEqual(['ApkCache']);
    expect(await rulesFor(above(comment))).toEqual([]);
    expect(await rulesFor(`${above(comment)}RUN apk add curl\n`)).toEqual(['ApkCache']);
  });

  test.each(['# jettison global ignore=ApkCache', '# hadolint global ignore=DL3019'])(
    '%s: for the file',
    async (comment) => {
      expect(await rulesFor(`${TEXT}RUN apk add curl\n${comment}\n`)).toEqual([]);
    },
  );

  test('an id of another rule turns off nothing', async () => {
    expect(await rulesFor(above('# jettison ignore=AptLists'))).toEqual(['ApkCache']);
  });

  test("hadolint's ids name Docker's rules, too", async () => {
    const text = 'FROM scratch\n# hadolint ignore=DL4000\nMAINTAINER me\n';
    expect(await rulesFor(text)).toEqual([]);
    expect(await rulesFor(text.replace('DL4000', 'DL3020'))).toEqual(['MaintainerDeprecated']);
  });
});

describe('fixes', () => {
  const PAGES = new URL('../../../docs/rules/', import.meta.url);
  const wrong = readdirSync(PAGES)
    .filter((name) => ADVICE_RULES.has(name.replace('.md', '')))
    .flatMap((name) => [
      ...readFileSync(new URL(name, PAGES), 'utf8').matchAll(/## Wrong\n\n```dockerfile\n(.*?)```/gs),
    ])
    .map(([, text]) => text!);

  test('of any Dockerfile leave one that parses, with nothing more to fix, and all other lines as they are', async () => {
    let fixed = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...wrong), { minLength: 1, maxLength: 3 }),
        fc.constantFrom('', '# a comment\n', '\n\n'),
        async (texts, between) => {
          const text = texts.join(between);
          const findings = await linted(text);
          const { text: after, count } = fixText(text, findings);
          fixed += count;
          expect(() => parseDockerfile(after, 'Dockerfile')).not.toThrow();
          expect((await linted(after)).filter(({ fix }) => fix !== undefined)).toEqual([]);
          const touched = new Set(
            findings.filter(({ fix }) => fix !== undefined).map(({ location }) => location.line),
          );
          const lines = after.split('\n');
          for (const [at, line] of text.split('\n').entries()) {
            if (!touched.has(at + 1)) expect(lines[at]).toBe(line);
          }
        },
      ),
      { numRuns: 40 },
    );
    expect(fixed).toBeGreaterThan(0);
  });

  test.each([
    ['FROM alpine:3.22\r\nRUN apk add jq\r\n', 'FROM alpine:3.22\r\nRUN apk add --no-cache jq\r\n'],
    [
      'FROM debian:12\nRUN apt update && \\\n    # why\n    apt install jq\n',
      'FROM debian:12\nRUN apt-get update && \\\n    # why\n    apt-get install -y jq \\\n    && rm -rf /var/lib/apt/lists/*\n',
    ],
    [
      'FROM gcr.io/distroless/nodejs22\nCMD [ "node", "a.js" ]\n',
      'FROM gcr.io/distroless/nodejs22\nCMD ["a.js" ]\n',
    ],
  ])('%j', async (before, after) => {
    let text = before;
    for (let round = 0; round < 3; round++) text = fixText(text, await linted(text)).text;
    expect(text).toBe(after);
  });

  test('move COPY of everything behind an installation that reads only the manifests', async () => {
    const files = { 'package.json': '{}', 'package-lock.json': '{}' };
    const head = 'FROM node:22-slim AS build\nWORKDIR /app\n';
    const tail = 'RUN npm run build\nFROM scratch\nCOPY --from=build /app/dist /\n';
    const text = `${head}COPY . .\nRUN npm ci\n${tail}`;
    const { text: after } = fixText(text, await linted(text, files));
    expect(after).toBe(`${head}COPY package.json package-lock.json ./\nRUN npm ci\nCOPY . .\n${tail}`);
    expect(await rulesFor(after, files)).not.toContain('SourcesBeforeInstall');
    const hook = { ...files, 'package.json': '{ "dependencies": { "a": "file:./a" } }' };
    expect(fixText(text, await linted(text, hook)).text).toBe(text);
  });

  test.each([
    ['["npm", "start"]', '["node", "server.js"]'],
    ['["yarn", "run", "start"]', '["node", "server.js"]'],
    ['["npm", "start", "--port=1"]', undefined],
    ['["npm", "run", "hooked"]', undefined],
    ['["npm", "run"]', undefined],
    // It runs the program of a package, whatever the scripts are called.
    ['["npx", "start"]', undefined],
  ])('start the program of a script instead of %s', async (command, program = command) => {
    const scripts = { start: 'node server.js', hooked: 'node server.js', prehooked: 'node make.js' };
    const text = `FROM node:22-slim\nCMD ${command}\n`;
    const findings = await linted(text, { 'package.json': JSON.stringify({ scripts }) });
    const { text: after } = fixText(text, findings);
    expect(after).toBe(`FROM node:22-slim\nCMD ${program}\n`);
  });
});
