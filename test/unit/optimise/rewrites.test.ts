import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { candidatesOf, type RewriteCase } from '../../support/rewritten.ts';

const SERVER = { 'server.js': "require('./lib/a')", 'lib/a.js': '', 'package.json': '{}' };
const LOCK = { 'package-lock.json': '{}' };
const START = { 'package.json': '{ "scripts": { "start": "node server.js" } }' };
const DEV = { ...LOCK, 'package.json': '{ "devDependencies": { "tsc": "1" } }' };
const STAGES = `FROM node AS build
WORKDIR /app
COPY . .
RUN npm ci
FROM node AS production
COPY --from=build /app/node_modules ./node_modules
CMD ["node", "server.js"]
`;

/** The Dockerfile before, a part of each candidate. */
const POSITIVE: [id: string, text: string, parts: string[], given?: RewriteCase][] = [
  [
    'build-while-building',
    'FROM a\nCMD npm run build && npm start\n',
    ['RUN npm run build\nCMD npm start\n'],
  ],
  ['exec-form', 'FROM a\nCMD node server.js --port=1\n', ['CMD ["node", "server.js", "--port=1"]\n']],
  ['exec-form', 'FROM a\nCMD  ["npm", "start"]\n', ['CMD  ["node", "server.js"]\n'], { files: START }],
  ['exec-form', 'FROM a\nCMD npm run start', ['CMD ["node", "server.js"]'], { files: START }],
  [
    'manifests-first',
    'FROM a\nWORKDIR /app\nCOPY . .\nRUN npm ci\n',
    ['COPY package.json package-lock.json ./\nRUN npm ci\nCOPY . .\n'],
    { files: { ...LOCK, 'package.json': '{}' } },
  ],
  ['npm-ci', 'FROM a\nCOPY . .\nRUN npm install\n', ['RUN npm ci\n'], { files: { ...LOCK, ...START } }],
  [
    'merge-cleanup',
    'FROM a\nRUN make x\n# free\nRUN rm -rf /x\n',
    ['FROM a\n# free\nRUN make x && rm -rf /x\n'],
  ],
  ['apk-cache', 'FROM alpine:3\nRUN apk add jq\n', ['apk add --no-cache jq']],
  [
    'multi-stage',
    'FROM a\nWORKDIR /app\nCOPY . .\nENV A=b\nEXPOSE 1\nCMD ["node", "server.js"]',
    [
      'FROM a AS production\nWORKDIR /app\nENV A=b\nCOPY --from=build /app/server.js ./server.js\nCOPY --from=build /app/lib ./lib\nEXPOSE 1\nCMD ["node", "server.js"]\n',
      'COPY --from=build /app/views ./views\n',
    ],
    { files: SERVER, workEntries: ['server.js', 'lib', 'views', 'test', 'README.md'] },
  ],
  [
    'production-dependencies',
    STAGES,
    [
      'FROM node AS deps\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci --omit=dev\n\nFROM node AS production\nCOPY --from=deps /app/node_modules ./node_modules\n',
      'RUN npm ci\nRUN npm prune --omit=dev\nFROM node AS production',
    ],
    { files: DEV },
  ],
  [
    'smaller-base',
    'FROM a AS x\nCMD ["node", "server.js"]\n',
    ['FROM b AS x\nCMD ["server.js"]\n', 'FROM c AS x\nCMD ["node", "server.js"]\n'],
    {
      bases: [
        { name: 'b', bytes: 1, entrypoint: ['/nodejs/bin/node'] },
        { name: 'c', bytes: 2, entrypoint: [] },
      ],
    },
  ],
  ['cache-mounts', STAGES, ['RUN --mount=type=cache,target=/root/.npm npm ci\n']],
  ['numeric-user', 'FROM a\n# start\nCMD ["a"]\n', ['FROM a\nUSER 65532:65532\n# start\nCMD ["a"]\n']],
];

const NEGATIVE: [id: string, why: string, text: string, given?: RewriteCase][] = [
  ['build-while-building', 'two programs run', 'FROM a\nCMD node one.js && node two.js\n'],
  ['exec-form', 'a variable needs the shell', 'FROM a\nCMD node server.js $PORT\n'],
  ['exec-form', 'it has the form', 'FROM a\nCMD ["node", "server.js"]\n'],
  [
    'exec-form',
    'a hook runs before the script',
    'FROM a\nCMD npm start\n',
    { files: { 'package.json': '{ "scripts": { "prestart": "x", "start": "node server.js" } }' } },
  ],
  [
    'manifests-first',
    'the installation reads sources',
    'FROM a\nCOPY . .\nRUN npm ci\n',
    {
      files: { 'package.json': '{ "dependencies": { "a": "file:a" } }' },
    },
  ],
  ['npm-ci', 'there is no lock file', 'FROM a\nCOPY . .\nRUN npm install\n', { files: START }],
  ['merge-cleanup', 'it is not shipped', 'FROM a AS x\nRUN make\nRUN rm -rf /x\nFROM a\n'],
  ['merge-cleanup', 'a failure of the first part would not count', 'FROM a\nRUN make; true\nRUN rm -rf /x\n'],
  ['multi-stage', 'there are stages', STAGES, { files: SERVER, workEntries: ['server.js'] }],
  [
    'multi-stage',
    'the start file is unknown',
    'FROM a\nWORKDIR /app\nCMD ["./run"]\n',
    { workEntries: ['b'] },
  ],
  ['production-dependencies', 'there are no others', STAGES, { files: { ...LOCK, ...START } }],
  ['smaller-base', 'there is none', 'FROM a\n'],
  ['cache-mounts', 'the stage is shipped', 'FROM a\nRUN npm ci\n'],
  ['numeric-user', 'there is a user', 'FROM a\nUSER 1000\nCMD ["a"]\n'],
  [
    'ignore-surplus',
    'it is copied by name',
    'FROM a\nCOPY . .\nCOPY dump.tar /\n',
    { surplus: ['dump.tar'] },
  ],
  ['ignore-surplus', 'nothing copies everything', 'FROM a\nCOPY src src\n', { surplus: ['.git'] }],
];

describe('rewrites', () => {
  test.each(POSITIVE)('%s: %j', (id, text, parts, given) => {
    const found = candidatesOf(id, text, given).map(({ texts }) => texts.dockerfile);
    expect(found).toEqual(parts.map((part) => expect.stringContaining(part)));
  });

  test.each(NEGATIVE)('%s: not where %s', (id, _, text, given) => {
    expect(candidatesOf(id, text, given)).toEqual([]);
  });

  test('ignore-surplus adds lines to the ignore file', () => {
    const [one] = candidatesOf('ignore-surplus', 'FROM a\nCOPY . /\n', {
      surplus: ['.git', 'coverage'],
      ignoreText: '# x',
    });
    expect(one?.texts.ignoreText).toBe('# x\n.git\ncoverage\n');
  });

  test('multi-stage says what it leaves out elsewhere', () => {
    const text = 'FROM a\nWORKDIR /app\nCMD ["node", "server.js"]\n';
    const [one] = candidatesOf('multi-stage', text, {
      files: SERVER,
      workEntries: ['server.js'],
      outside: ['usr/bin/x'],
    });
    expect(one?.check).toBe('1 file outside of /app, made by the build, will be missing, such as /usr/bin/x');
  });

  test('every line that a rewrite does not speak of stays', () => {
    const line = fc.constantFrom(
      '',
      '# a comment',
      'LABEL  a="b"  c=d',
      'ENV A=1 \\\n    B=2',
      'run  echo é',
    );
    fc.assert(
      fc.property(fc.array(line), fc.constantFrom('\n', '\r\n'), (lines, newline) => {
        const middle = lines.join('\n').replaceAll('\n', newline);
        const text = ['FROM a', middle, 'CMD node server.js', ''].join(newline);
        for (const id of ['exec-form', 'numeric-user', 'smaller-base']) {
          const bases = [{ name: 'b', bytes: 1, entrypoint: [] }];
          for (const { texts } of candidatesOf(id, text, { bases })) {
            const back = texts.dockerfile
              .replace('FROM b', 'FROM a')
              .replace(`USER 65532:65532${newline}`, '')
              .replace('["node", "server.js"]', 'node server.js');
            expect(back).toBe(text);
          }
        }
      }),
    );
  });
});
