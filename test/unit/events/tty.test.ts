import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JettisonError } from '../../../src/errors/error.ts';
import { style } from '../../../src/errors/style.ts';
import { frame } from '../../../src/events/frame.ts';
import { glyphsFor } from '../../../src/events/glyphs.ts';
import { BuildModel } from '../../../src/events/model.ts';
import { TtyRenderer } from '../../../src/events/tty.ts';
import { displayWidth, printable } from '../../../src/events/width.ts';
import { digest, Story } from '../../support/build-events.ts';
import { Screen } from '../../support/fake-io.ts';

const glyphs = glyphsFor({});

function view(story: Story, options: { columns?: number; rows?: number; color?: boolean } = {}): string[] {
  const model = new BuildModel();
  for (const event of story.events) model.apply(event);
  const { columns = 60, rows = 30, color = false } = options;
  // The spinner turns with the clock: 800 ms are once round.
  return frame(model, { columns, rows, now: story.now, paint: style(color), glyphs });
}

/** A build in which everything occurs. */
function busy(): Story {
  const story = new Story();
  story.start(
    {
      deps: ['WORKDIR /app', 'COPY package.json ./', 'RUN npm ci'],
      build: ['RUN make', 'RUN test', 'COPY . .'],
    },
    'build',
  );
  for (const id of ['deps/1', 'deps/2']) story.run(id).ends(id, 'cached');
  story.run('deps/3').run('build/1').ends('build/1', 'done', 1234).run('build/2');
  for (let i = 1; i <= 9; i++) story.says('deps/3', `get ${i}\n\n`);
  return story.wait(800);
}

describe('the live view', () => {
  test('shows stages, outcomes, running steps and their last lines', () => {
    const story = busy().emit({ type: 'step.progress', step: 'build/2', text: 'looking' });
    expect(view(story)).toEqual([
      'Building Dockerfile → build  3/6 steps  0.8s',
      'deps',
      '  ✓ cached  1/3 WORKDIR /app',
      '  ✓ cached  2/3 COPY package.json ./',
      '  ⠋   0.8s  3/3 RUN npm ci',
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => `            │ get ${i}`),
      'build',
      '  ✓   1.2s  1/3 RUN make',
      '  ⠋   0.8s  2/3 RUN test',
      '            │ looking',
      '  ·         3/3 COPY . .',
    ]);
  });

  test('shares the room below the steps among those that run', () => {
    const story = busy();
    for (let i = 1; i <= 9; i++) story.says('build/2', `try ${i}\n`);
    const steps = view(story, { rows: 9 + 7 });
    expect(steps).toHaveLength(16);
    expect(steps.filter((line) => line.includes('│ get'))).toEqual(
      [6, 7, 8, 9].map((i) => `            │ get ${i}`),
    );
    expect(steps.filter((line) => line.includes('│ try'))).toHaveLength(3);
    // What one does not need is for the other.
    const quiet = busy().says('build/2', 'only\n');
    const lines = view(quiet, { rows: 9 + 6 });
    expect(lines.filter((line) => line.includes('│ get'))).toHaveLength(5);
    expect(lines.filter((line) => line.includes('│ only'))).toHaveLength(1);
  });

  test('says what a step does after its last line', () => {
    const story = busy().emit({ type: 'step.progress', step: 'deps/3', text: 'looking for changed files' });
    expect(view(story)).toContain('            │ looking for changed files');
    expect(view(story.says('deps/3', 'more\n'))).not.toContain('            │ looking for changed files');
  });

  test('counts no time that a step waits for others', () => {
    const story = new Story().start({ a: ['RUN a'] }).run('a/1');
    const startedAt = story.now;
    story.wait(5000).emit({ type: 'step.phase', step: 'a/1', phase: 'queue', startedAt, durationMs: 5000 });
    expect(view(story.wait(800))[2]).toMatch(/^ {2}. {3}0\.8s {2}1\/1 RUN a$/);
  });

  test('folds rows that do not fit, running steps last', () => {
    expect(view(busy(), { rows: 9 })).toEqual([
      'Building Dockerfile → build  3/6 steps  0.8s',
      'deps',
      '  ✓         2 steps',
      '  ⠋   0.8s  3/3 RUN npm ci',
      '            │ get 9',
      'build',
      '  ✓   1.2s  1/3 RUN make',
      '  ⠋   0.8s  2/3 RUN test',
      '  ·         3/3 COPY . .',
    ]);
    expect(view(busy(), { rows: 1 })).toEqual(['Building Dockerfile → build  3/6 steps  0.8s']);
  });

  test('shows the export', () => {
    const story = new Story()
      .start({ a: ['RUN a'] })
      .run('a/1')
      .ends('a/1', 'reused');
    story.emit({ type: 'export.started', what: 'packing layers' }).wait(800);
    story.emit({ type: 'export.layer', diffId: digest('a'), size: 2_000_000, durationMs: 1, reused: false });
    expect(view(story).slice(1)).toEqual([
      'a',
      '  ✓ reused  1/1 RUN a',
      'image',
      '  ⠋   0.8s  packing layers, 1 new layer (2MB)',
    ]);
  });

  test('cuts long titles and long lines', () => {
    const story = new Story().start({ a: [`RUN ${'x'.repeat(100)}`] }).run('a/1');
    story.says('a/1', `${'日本'.repeat(50)}\n`);
    for (const line of view(story, { columns: 40 })) expect(displayWidth(line)).toBeLessThan(40);
  });

  test('is never wider or higher than the terminal, for any events', () => {
    const text = fc.string({ unit: 'binary', maxLength: 200 });
    const action = fc.tuple(fc.nat(7), fc.nat(4), text);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(text, fc.array(text, { maxLength: 8 })), { maxLength: 4 }),
        fc.array(action, { maxLength: 60 }),
        fc.integer({ min: 14, max: 120 }),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        (stages, actions, columns, rows, color) => {
          const story = new Story().start(Object.fromEntries(stages));
          const planned = story.events.flatMap((event) =>
            event.type === 'build.planned' ? event.steps : [],
          );
          for (const [step, kind, said] of actions) {
            const id = planned[step]?.id ?? 'unplanned';
            if (kind === 0) story.run(id);
            else if (kind === 1) story.says(id, `${said}\n`);
            else if (kind === 2) story.ends(id, 'failed');
            else if (kind === 3) story.ends(id, 'cached');
            else story.emit({ type: 'step.progress', step: id, text: said });
          }
          const lines = view(story, { columns, rows, color });
          expect(lines.length).toBeLessThanOrEqual(rows);
          for (const line of lines) expect(displayWidth(printable(line))).toBeLessThan(columns);
        },
      ),
    );
  });
});

describe('the terminal', () => {
  const HIDE = '\x1b[?25l';
  const SHOW = '\x1b[?25h';

  function start(story: Story, size = { columns: 60, rows: 20 }) {
    const screen = new Screen(size);
    const renderer = new TtyRenderer(screen, { color: false, glyphs, now: () => story.now });
    for (const event of story.events) renderer.handle(event);
    return { screen, renderer };
  }

  test('gets each frame over the last one, and its cursor back', () => {
    const { screen, renderer } = start(busy());
    renderer.draw();
    expect(screen.text.startsWith(HIDE)).toBe(true);
    screen.text = '';
    renderer.draw();
    expect(screen.text).toMatch(/^\x1b\[18A\r(?:.*\x1b\[K\n){18}\x1b\[J$/);
    screen.text = '';
    renderer.end();
    expect(screen.text.startsWith('\x1b[18A\r\x1b[J')).toBe(true);
    expect(screen.text.endsWith(SHOW)).toBe(true);
    screen.text = '';
    renderer.end();
    renderer.draw();
    expect(screen.text).toBe('');
  });

  test('that got narrower has folded the frame into more rows', () => {
    const story = busy();
    const { screen, renderer } = start(story);
    renderer.draw();
    const before = screen.text.split('\n').length - 1;
    screen.columns = 20;
    screen.text = '';
    renderer.draw();
    expect(Number(/^\x1b\[(\d+)A/.exec(screen.text)?.[1])).toBeGreaterThan(before);
    renderer.end();
  });

  test('shows a quick build only when it is over, with no cursor games', () => {
    const story = new Story()
      .start({ a: ['COPY . .'] })
      .run('a/1')
      .ends('a/1', 'cached')
      .finish(['app:latest']);
    const { screen } = start(story);
    expect(screen.text.split('\n')).toEqual([
      '\x1b[Ja',
      '  ✓ cached  1/1 COPY . .',
      '',
      `Image  ${digest('1')}`,
      'Tags   app:latest',
      'Steps  1: 1 cached',
      'Time   4.2s',
      '',
    ]);
  });

  test('shows running steps as ended when the build fails: no spinner stays', () => {
    const story = new Story()
      .start({ a: ['RUN make'], b: ['RUN more'] })
      .run('a/1')
      .run('b/1');
    story.emit({ type: 'export.started', what: 'push of app:1' });
    story.ends('a/1', 'failed', 900);
    story.emit({ type: 'build.failed', error: new JettisonError('RUN_FAILED', 'no'), durationMs: 1000 });
    const { screen } = start(story);
    expect(screen.text.split('\n').slice(1, 6)).toEqual([
      '  ✗   0.9s  1/1 RUN make',
      'b',
      '  -         1/1 RUN more',
      'image',
      '  -         push of app:1',
    ]);
  });

  test('shows bytes, rate and unpacking of downloads', () => {
    const story = new Story().start({ a: ['FROM base', 'RUN make'] });
    story.emit({ type: 'image.resolving', image: 'base' });
    expect(view(story)[1]).toBe('  ⠋   0.0s  resolving base');
    story.emit({ type: 'image.resolved', image: 'base', durationMs: 1 }).run('a/1');
    const transfer = (item: string, state: 'moving' | 'unpacking' | 'done', moved: number) =>
      story.emit({ type: 'transfer', of: 'a/1', direction: 'in', item, size: 4000, state, moved });
    transfer('x', 'moving', 0);
    transfer('y', 'moving', 0);
    story.wait(800);
    transfer('x', 'moving', 2000);
    expect(view(story).slice(2, 4)).toEqual([
      '  ⠋   0.8s  1/2 FROM base',
      '            │ 2kB / 8kB  2.5kB/s  0/2 done',
    ]);
    transfer('x', 'unpacking', 4000);
    transfer('y', 'unpacking', 4000);
    expect(view(story)[3]).toBe('            │ unpacking 2 of 2 layers (8kB)');
    transfer('x', 'done', 4000);
    transfer('y', 'done', 4000);
    story.ends('a/1', 'done', 900);
    expect(view(story)[2]).toBe('  ✓   0.9s  1/2 FROM base (8kB)');
  });

  test('keeps the report of a failed build', () => {
    const story = new Story()
      .start({ a: ['RUN make', 'RUN more'] })
      .run('a/1')
      .says('a/1', 'no such file\n');
    story.ends('a/1', 'failed', 900);
    story.emit({ type: 'build.failed', error: new JettisonError('RUN_FAILED', 'no'), durationMs: 1000 });
    const { screen } = start(story);
    expect(screen.text.split('\n')).toEqual([
      '\x1b[Ja',
      '  ✗   0.9s  1/2 RUN make',
      '  ·         2/2 RUN more',
      '',
      '------',
      ' > [a 1/2] RUN make:',
      'no such file',
      '------',
      '',
      '',
    ]);
  });
});
