import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/image/digest.ts';
import { MEDIA } from '../../src/image/types.ts';
import { TestBuilds } from '../support/build.ts';
import { makeTar } from '../support/images.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { TestTerminal } from '../support/terminal.ts';
import { sample } from '../support/thorough.ts';

/** Sets a title, clears the screen, in 7 and 8 bits, turns the text round, and writes over the line. */
const HOSTILE = 'owned\x1b]0;title\x07\x1b[2J\x9b2J\x9d0;title\x9c\u202e\u2066\x08\x7f\rover';
/** The same within a line. */
const WORD = HOSTILE.slice(0, HOSTILE.indexOf('\r'));
/** The same for where only text without control characters is taken. */
const C1 = 'owned\x9b2J\u202eover';
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const STYLES = /\x1b\[(?:1|2|22|3[1-69])m/g;
/** How the live view moves the cursor. */
const MOVES = /\x1b\[(?:\?25[lh]|K|J|2K|\d+A\r)/g;

const why = process.getuid?.() === 0 ? whyNoSandbox() : 'only root can open the terminals of this test';
let builds: TestBuilds;
beforeAll(async () => {
  builds = await TestBuilds.create(why === undefined ? {} : undefined);
  writeFileSync(join(builds.folder, 'hostile.tar'), hostileArchive());
  const loaded = await builds.run(['load', '-i', join(builds.folder, 'hostile.tar')]);
  expect(loaded).toMatchObject({ code: 0 });
});
afterAll(() => builds?.remove());

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const described = (mediaType: string, bytes: Buffer) => ({
  mediaType,
  digest: sha256(bytes),
  size: bytes.length,
});

/** An image whose every text is hostile, as an archive. */
function hostileArchive(name = 'hostile:latest'): Buffer {
  const layer = makeTar([[`${HOSTILE}`, 'content']]);
  const config = json({
    architecture: 'amd64',
    os: 'linux',
    author: HOSTILE,
    created: '2020-01-01T00:00:00Z',
    config: {
      Env: [`A=${HOSTILE}`],
      Labels: { [HOSTILE]: HOSTILE },
      Cmd: [HOSTILE],
      Entrypoint: [HOSTILE],
      User: HOSTILE,
      WorkingDir: `/${HOSTILE}`,
      StopSignal: HOSTILE,
      ExposedPorts: { [HOSTILE]: {} },
      Volumes: { [HOSTILE]: {} },
    },
    rootfs: { type: 'layers', diff_ids: [sha256(layer)] },
    history: [{ created_by: HOSTILE, comment: HOSTILE, author: HOSTILE }],
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config: described(MEDIA.ociConfig, config),
    layers: [described(MEDIA.ociLayer, layer)],
    annotations: { [HOSTILE]: HOSTILE },
  });
  const entry = {
    ...described(MEDIA.ociManifest, manifest),
    annotations: { 'org.opencontainers.image.ref.name': name, 'io.containerd.image.name': name },
  };
  return makeTar([
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    ['index.json', json({ schemaVersion: 2, manifests: [entry] })],
    ...[manifest, config, layer].map((bytes): [string, Buffer] => [
      `blobs/sha256/${sha256(bytes).slice(7)}`,
      bytes,
    ]),
  ]);
}

/** What a terminal is sent, with the line ends as they were written. */
async function onTerminal(...args: string[]): Promise<string> {
  const terminal = TestTerminal.open(
    { uid: process.getuid!(), start: (...all) => builds.start(...all) },
    args,
  );
  await terminal.end;
  terminal.close();
  return Buffer.from(terminal.text, 'latin1').toString('utf8').replaceAll('\r\n', '\n');
}

function controls(text: string, ...allowed: RegExp[]): string[] {
  let rest = text;
  for (const codes of allowed) rest = rest.replace(codes, '');
  return [...rest.matchAll(CONTROLS)].map(({ 0: found, index }) =>
    JSON.stringify(`${found} in ${rest.slice(Math.max(0, index - 40), index + 20)}`),
  );
}

let contexts = 0;
/** A context in a folder of its own. */
function context(dockerfile: string, files: Record<string, string> = {}): string {
  const folder = join(builds.folder, `context-${contexts++}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'Dockerfile'), dockerfile);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

const SHOWN = `# ${HOSTILE}
ARG B="${HOSTILE}"
# one ${WORD}
FROM hostile AS one
# B ${WORD}
ARG B
LABEL "${HOSTILE}"="${HOSTILE}"
ENV X="${HOSTILE}"
MAINTAINER ${HOSTILE}
COPY x* "/${WORD}/"
WORKDIR "/${WORD}"
CMD ["${C1}"]
`;

/** The hostile Dockerfile has nothing wrong that they would quote. */
const SAYS_LITTLE = /-q$|quiet|lint --format/;

const FAILING: [name: string, dockerfile: string][] = [
  ['an unknown instruction', `FROM scratch\n${HOSTILE} x\n`],
  ['a name of a stage', `FROM scratch AS ${HOSTILE}\n`],
  ['a base', `FROM ${HOSTILE}\n`],
  ['a source', `FROM scratch\nCOPY "${HOSTILE}" /\n`],
  ['a stage', `FROM scratch\nCOPY --from="${HOSTILE}" a /\n`],
  ['a flag', `FROM scratch\nCOPY --${HOSTILE} a /\n`],
  ['a value of a flag', `FROM scratch\nCOPY --chmod=${HOSTILE} x /\n`],
  ['an owner', `FROM scratch\nCOPY --chown=${HOSTILE} x /\n`],
  ['a message of an ARG', `FROM scratch\nARG A\nENV B=\${A:?${HOSTILE}}\n`],
  ['a port', `FROM scratch\nEXPOSE ${HOSTILE}\n`],
  ['a URL', `FROM scratch\nADD http://127.0.0.1:1/${HOSTILE} /\n`],
  ['a directive', `# syntax=${HOSTILE}\n# escape=${HOSTILE}\nFROM scratch\n`],
  ['a mount', `FROM scratch\nRUN --mount=type=${HOSTILE} x\n`],
  ['a heredoc', `FROM scratch\nCOPY <<${HOSTILE} /\n`],
  ['a link', `FROM hostile\nCOPY --from=hostile /none${C1} /\n`],
];

/** Command lines that show images, containers or words of the command line. */
const COMMANDS: string[][] = [
  ['images'],
  ['images', '--digests'],
  ['images', '--format', '{{json .}}'],
  ['images', '--json'],
  ['inspect', 'hostile'],
  ['inspect', '--format', '{{.Author}}{{.Config.Env}}{{.Config.Labels}}', 'hostile'],
  ['history', 'hostile'],
  ['history', '--no-trunc', 'hostile'],
  ['history', '--format', '{{.CreatedBy}}', 'hostile'],
  ['run', 'hostile'],
  ['run', '--user', HOSTILE, 'hostile', HOSTILE],
  ['run', '--name', HOSTILE, 'hostile'],
  ['run', HOSTILE],
  ['ps', '-a'],
  ['ps', '-a', '--no-trunc'],
  ['du'],
  ['du', '--verbose'],
  ['doctor'],
  ['doctor', '--store', '--deep'],
  ['tag', 'hostile', HOSTILE],
  ['rmi', HOSTILE],
  ['save', '-o', `/none/${C1}/x.tar`, 'hostile'],
  ['load', '-i', `/none/${HOSTILE}`],
  ['push', `127.0.0.1:1/hostile${HOSTILE}`],
  ['pull', `127.0.0.1:1/hostile${HOSTILE}`],
  [HOSTILE],
  ['build', `--${HOSTILE}`],
  ['build', '--progress', HOSTILE, '.'],
];

/** Command lines that read a context, or its Dockerfile. */
const READING: string[][] = [
  ['build', '--progress=plain'],
  ['build', '--progress=rawjson'],
  ['build', '--progress=quiet'],
  ['build', '-q'],
  ['build', '--call=outline'],
  ['build', '--call=targets'],
  ['build', '--call=check'],
  ['build', '--call=outline,format=json'],
  ['build', '--call=targets,format=json'],
  ['build', '--check'],
  ['lint'],
  ['lint', '--format=json'],
  ['lint', '--format=sarif'],
  ['context', 'ls'],
  ['context', 'ls', '--why', `x${HOSTILE}`],
];

describe('on a terminal, no text of others is a control character:', () => {
  beforeEach((ctx) => {
    if (why !== undefined) ctx.skip(why);
  });

  test.each(sample(COMMANDS, 8))('%j %j', async (...args) => {
    expect(controls(await onTerminal(...args), STYLES)).toEqual([]);
  });

  test('the tested texts are shown at all', async () => {
    expect(await onTerminal('history', '--no-trunc', 'hostile')).toContain('owned');
    expect(await onTerminal('inspect', '--format', '{{.Author}}', 'hostile')).toContain('owned');
  });

  test('a name of an archive', async () => {
    const path = join(builds.folder, 'named.tar');
    writeFileSync(path, hostileArchive(HOSTILE));
    expect(controls(await onTerminal('load', '-i', path), STYLES)).toEqual([]);
  });

  test.each(sample(READING, 5))('%s %s of a hostile Dockerfile and context', async (...args) => {
    const folder = context(SHOWN, { [`x${HOSTILE}`]: 'content', [`y${C1}`]: 'content' });
    const path = args[0] === 'lint' ? join(folder, 'Dockerfile') : folder;
    const text = await onTerminal(...args, path);
    expect(text).not.toContain('error');
    if (!SAYS_LITTLE.test(args.join(' '))) expect(text).toContain('owned');
    expect(controls(text, STYLES)).toEqual([]);
  });

  test('the live view', async () => {
    const folder = context(SHOWN, { [`x${HOSTILE}`]: 'content' });
    expect(controls(await onTerminal('build', '--no-cache', folder), MOVES, STYLES)).toEqual([]);
  });

  test('the output of a failing RUN', async () => {
    const script = `printf 'owned\\033[1;32mgreen\\033[0m\\033]0;title\\007\\033[2J\\302\\2332J\\342\\200\\256\\n'; exit 3`;
    const folder = context(`FROM base\nRUN ${script}\n`);
    for (const mode of ['plain', 'tty']) {
      const text = await onTerminal('build', `--progress=${mode}`, folder);
      expect(text).toContain(mode === 'plain' ? 'owned\x1b[1;32mgreen' : 'ownedgreen');
      expect(controls(text, MOVES, /\x1b\[[\d;]*m/g)).toEqual([]);
    }
  });

  test.each(sample(FAILING, 4))('an error about %s', async (_, dockerfile) => {
    const folder = context(dockerfile, { x: '' });
    for (const mode of ['plain', 'tty']) {
      const text = await onTerminal('build', `--progress=${mode}`, folder);
      expect(text).toMatch(/error|warning/);
      expect(controls(text, MOVES, STYLES)).toEqual([]);
    }
    expect(controls(await onTerminal('lint', join(folder, 'Dockerfile')), STYLES)).toEqual([]);
  });
});

describe('JSON is JSON, and shows as it is:', () => {
  const parsed = async (...args: string[]) => {
    const { out } = await builds.run(args);
    expect(out).toContain('owned');
    expect(controls(out)).toEqual([]);
    return JSON.parse(out) as unknown;
  };
  const parsedLines = async (...args: string[]) => {
    const { err } = await builds.run(args);
    // The error comes a second time, for people.
    const lines = err.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.join()).toContain('owned');
    expect(controls(err)).toEqual([]);
    return lines.map((line) => JSON.parse(line) as unknown);
  };

  test('of images', async () => {
    expect(await parsed('inspect', 'hostile')).toMatchObject([{ Author: HOSTILE }]);
    await parsed('history', '--json', 'hostile');
  });

  test('of a Dockerfile', async () => {
    const folder = context(SHOWN, { [`x${HOSTILE}`]: 'content' });
    await parsed('build', '--call=outline,format=json', folder);
    await parsed('build', '--call=targets,format=json', folder);
    expect(await parsedLines('build', '--progress=rawjson', folder)).toContainEqual(
      expect.objectContaining({ type: 'build.finished' }),
    );
    const failing = context(`FROM scratch\nCOPY "${HOSTILE}" /\n`);
    await parsed('lint', '--format=json', join(failing, 'Dockerfile'));
    await parsed('lint', '--format=sarif', join(failing, 'Dockerfile'));
    expect(await parsedLines('build', '--progress=rawjson', failing)).toContainEqual(
      expect.objectContaining({ type: 'build.failed' }),
    );
  });
});
