import { describe, expect, test } from 'vitest';
import { JettisonError } from '../../../src/errors/error.ts';
import { createRenderer } from '../../../src/events/create-renderer.ts';
import type { BuildEvent } from '../../../src/events/event.ts';
import { PlainRenderer } from '../../../src/events/plain.ts';
import { QuietRenderer } from '../../../src/events/quiet.ts';
import { eventLine, RawJsonRenderer } from '../../../src/events/rawjson.ts';
import { digest, Story } from '../../support/build-events.ts';
import { Screen } from '../../support/fake-io.ts';

function plain(events: BuildEvent[]): string[] {
  const screen = new Screen();
  const renderer = new PlainRenderer(screen, { color: false });
  for (const event of events) renderer.handle(event);
  renderer.end();
  return screen.text.split('\n');
}

const failed = new JettisonError('RUN_FAILED', 'RUN make exited with code 2', {
  location: { file: 'Dockerfile', line: 4, column: 1 },
  details: { exitCode: 2 },
});

describe('plain', () => {
  test('a whole build', () => {
    const story = new Story().start({ build: ['WORKDIR /app', 'COPY . .', 'RUN make'] }, 'build');
    story.run('build/1').ends('build/1', 'cached');
    story.run('build/2').emit({ type: 'step.progress', step: 'build/2', text: 'hashing 12 files' });
    story.wait(100).ends('build/2', 'reused');
    story
      .run('build/3')
      .wait(412)
      .says('build/3', 'cc x.c\nld ')
      .wait(1000)
      .says('build/3', 'x\n\n')
      .wait(88);
    story.says('build/3', 'done').ends('build/3', 'done', 1500);
    story.emit({ type: 'export.started', what: 'image' });
    story.emit({ type: 'export.layer', diffId: digest('a'), size: 5_000_000, durationMs: 0, reused: true });
    story.emit({
      type: 'export.layer',
      diffId: digest('b'),
      size: 1_200_000,
      durationMs: 250,
      reused: false,
    });
    story.emit({ type: 'export.finished', what: 'image', durationMs: 300 });
    story.finish(['docker.io/library/app:latest', 'example.com/app:1'], { count: 2, bytes: 6_200_000 });

    expect(plain(story.events)).toEqual([
      '#0 building Dockerfile, target build',
      '',
      '#1 [build 1/3] WORKDIR /app',
      '#1 CACHED',
      '',
      '#2 [build 2/3] COPY . .',
      '#2 hashing 12 files',
      '#2 REUSED',
      '',
      '#3 [build 3/3] RUN make',
      '#3 0.412 cc x.c',
      '#3 1.412 ld x',
      '#3 1.412',
      '#3 1.500 done',
      '#3 DONE 1.5s',
      '',
      '#4 exporting image',
      `#4 ${digest('b')} 1.2MB 0.3s`,
      '#4 DONE 0.3s',
      '',
      `Image  ${digest('1')}`,
      'Tags   app:latest, example.com/app:1',
      'Size   6.2MB packed, in 2 layers (1 new, 1.2MB)',
      'Steps  3: 1 executed, 1 cached, 1 reused',
      'Time   4.2s',
      '',
    ]);
  });

  test('steps side by side are told apart by their numbers, and named again after a while', () => {
    const story = new Story().start({ a: ['RUN a'], b: ['RUN b'] });
    story.run('a/1').run('b/1').says('a/1', 'one\n').says('b/1', 'two\n');
    story.says('b/1', 'x\n'.repeat(30)).says('a/1', 'three\n').ends('b/1', 'done').ends('a/1', 'cancelled');
    const lines = plain(story.events).filter((line) => line !== '#2 0.000 x');
    expect(lines.slice(1)).toEqual([
      '',
      '#1 [a 1/1] RUN a',
      '',
      '#2 [b 1/1] RUN b',
      '',
      '#1 0.000 one',
      '#2 0.000 two',
      '',
      '#1 [a 1/1] RUN a',
      '#1 0.000 three',
      '',
      '#2 [b 1/1] RUN b',
      '#2 DONE 0.0s',
      '',
      '#1 CANCELED',
      '',
    ]);
  });

  test('a step that keeps telling its progress gets a line a second', () => {
    const story = new Story().start({ a: ['COPY . .'] }).run('a/1');
    for (let i = 0; i < 21; i++) story.emit({ type: 'step.progress', step: 'a/1', text: `${i}` }).wait(100);
    expect(plain(story.events).slice(3, -1)).toEqual(['#1 0', '#1 10', '#1 20']);
  });

  test('a failing step shows its last lines, and the warnings are not lost', () => {
    const story = new Story().start({ a: ['RUN make', 'RUN x'] }).run('a/1');
    for (let i = 1; i <= 25; i++) story.says('a/1', `line \x1b[31m${i}\x1b[0m\n`, 'stderr');
    story.emit({ type: 'warning', code: 'W', message: 'be careful' });
    story.ends('a/1', 'failed', 700).ends('a/2', 'cancelled');
    story.emit({ type: 'build.failed', error: failed, durationMs: 800 });
    const lines = plain(story.events);
    expect(lines.slice(lines.indexOf('#1 ERROR 0.7s') + 1)).toEqual([
      '',
      '#2 [a 2/2] RUN x',
      '#2 CANCELED',
      '',
      '------',
      ' > [a 1/2] RUN make:',
      '… 5 lines before these',
      ...Array.from({ length: 20 }, (_, i) => `line ${i + 6}`),
      '------',
      '',
      'warning: be careful [W]',
      '',
      '',
    ]);
  });

  test('an image that was all there says so', () => {
    const story = new Story()
      .start({ a: ['COPY . .'] })
      .run('a/1')
      .ends('a/1', 'cached');
    story.emit({ type: 'export.layer', diffId: digest('a'), size: 10, durationMs: 0, reused: true });
    story.finish([], { count: 1, bytes: 10 });
    const text = plain(story.events).join('\n');
    expect(text).toContain('Size   10B packed, in 1 layer (nothing new)');
    expect(text).not.toContain('Tags');
    expect(text).toContain('Steps  1: 1 cached');
  });

  test('many warnings are counted', () => {
    const story = new Story().start({});
    for (let i = 0; i < 150; i++) story.emit({ type: 'warning', code: 'W', message: `${i}` });
    const lines = plain(story.finish().events);
    expect(lines).toContain('warning: 99 [W]');
    expect(lines).toContain('… and 50 more warnings');
  });
});

describe('rawjson', () => {
  test('one event a line', () => {
    const screen = new Screen();
    const renderer = new RawJsonRenderer(screen);
    const { events } = new Story()
      .start({ a: ['RUN a'] })
      .run('a/1')
      .says('a/1', 'x\ny\n')
      .ends('a/1')
      .finish();
    for (const event of events) renderer.handle(event);
    renderer.end();
    const lines = screen.text.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(events);
  });

  test('an error with all that it knows', () => {
    const line = eventLine({ time: 1, type: 'build.failed', durationMs: 2, error: failed });
    expect(JSON.parse(line)).toEqual({
      time: 1,
      type: 'build.failed',
      durationMs: 2,
      error: {
        code: 'RUN_FAILED',
        message: 'RUN make exited with code 2',
        location: { file: 'Dockerfile', line: 4, column: 1 },
        exitCode: 1,
        details: { exitCode: 2 },
      },
    });
  });

  test('a bug with its stack', () => {
    const line = eventLine({ time: 1, type: 'build.failed', durationMs: 2, error: new TypeError('oops') });
    expect(JSON.parse(line).error).toMatchObject({ code: 'INTERNAL', message: 'oops' });
    expect(JSON.parse(line).error.stack).toContain('oops');
  });
});

describe('quiet', () => {
  const quiet = (events: BuildEvent[]) => {
    const screen = new Screen();
    const renderer = new QuietRenderer(screen);
    for (const event of events) renderer.handle(event);
    renderer.end();
    return screen.text;
  };

  test('says nothing of a build that works', () => {
    const story = new Story()
      .start({ a: ['RUN a'] })
      .run('a/1')
      .says('a/1', 'x\n')
      .ends('a/1');
    story.emit({ type: 'warning', code: 'W', message: 'w' }).finish(['app']);
    expect(quiet(story.events)).toBe('');
  });

  test('shows the output of a failing step', () => {
    const story = new Story()
      .start({ a: ['RUN a'] })
      .run('a/1')
      .says('a/1', 'oh\nno')
      .ends('a/1', 'failed');
    story.emit({ type: 'build.failed', error: failed, durationMs: 1 });
    expect(quiet(story.events)).toBe('------\n > [a 1/1] RUN a:\noh\nno\n------\n');
  });
});

describe('the renderer for a mode', () => {
  const terminal = { columns: 80, rows: 24 };
  const made = async (mode: 'auto' | 'tty' | 'plain' | 'quiet' | 'rawjson', screen: Screen, env = {}) =>
    (await createRenderer(mode, screen, { color: false, env })).constructor.name;

  test('auto is the live view on a terminal only', async () => {
    expect(await made('auto', new Screen(terminal))).toBe('TtyRenderer');
    expect(await made('auto', new Screen())).toBe('PlainRenderer');
    expect(await made('auto', new Screen(terminal), { TERM: 'dumb' })).toBe('PlainRenderer');
  });

  test('any can be had by its name', async () => {
    expect(await made('tty', new Screen())).toBe('TtyRenderer');
    expect(await made('plain', new Screen(terminal))).toBe('PlainRenderer');
    expect(await made('quiet', new Screen(terminal))).toBe('QuietRenderer');
    expect(await made('rawjson', new Screen(terminal))).toBe('RawJsonRenderer');
  });
});
