import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JettisonError } from '../../../src/errors/error.ts';
import { createRenderer } from '../../../src/events/create-renderer.ts';
import type { BuildEvent } from '../../../src/events/event.ts';
import { GithubRenderer } from '../../../src/events/github.ts';
import { workflowCommand } from '../../../src/events/workflow-commands.ts';
import { Story } from '../../support/build-events.ts';
import { Screen } from '../../support/fake-io.ts';

function log(events: readonly BuildEvent[]): string {
  const screen = new Screen();
  const renderer = new GithubRenderer(screen, { color: false, env: {} });
  for (const event of events) renderer.handle(event);
  renderer.end();
  return screen.text;
}

/** The lines of a log, without blank ones. */
const linesOf = (events: readonly BuildEvent[]) =>
  log(events)
    .split('\n')
    .filter((line) => line !== '');

/** The commands that a runner sees in a log: by the rules of actions/runner's ActionCommand. */
function commandsOf(text: string): string[] {
  const commands: string[] = [];
  let token: string | undefined;
  for (const line of text.split(/[\r\n]/)) {
    const seen = line.replace(/[^\x20-\x7e]/g, '');
    const name = /^\s*::([^: ]+)[^:]*::/.exec(seen)?.[1] ?? /##\[([^\] ]+)[^\]]*\]/.exec(seen)?.[1];
    if (token !== undefined) {
      if (name === token) token = undefined;
    } else if (name === 'stop-commands') token = line.slice('::stop-commands::'.length);
    else if (name !== undefined) commands.push(name);
  }
  expect(token).toBeUndefined();
  return commands;
}

describe('the log of GitHub Actions', () => {
  test('has a group for what a step says, and a line for one that says nothing', () => {
    const story = new Story().start({ a: ['WORKDIR /app', 'RUN make'] });
    story.run('a/1').ends('a/1', 'cached').run('a/2').wait(500);
    story.says('a/2', 'cc x.c\nld').ends('a/2', 'done', 500).finish();
    expect(linesOf(story.events).slice(0, 6)).toEqual([
      '#0 building Dockerfile',
      '#1 [a 1/2] WORKDIR /app  CACHED',
      '::group::#2 [a 2/2] RUN make',
      '0.500 cc x.c',
      '0.500 ld',
      '::endgroup::',
    ]);
    expect(linesOf(story.events)[6]).toBe('#2 DONE 0.5s');
  });

  test('shows one of the steps that run at the same time live, and the others after it', () => {
    const story = new Story().start({ a: ['RUN a'], b: ['RUN b'], c: ['RUN c'] });
    story.run('a/1').run('b/1').run('c/1').says('a/1', 'a1\n').says('b/1', 'b1\n').says('a/1', 'a2\n');
    story.says('c/1', 'c1\n').ends('b/1').ends('a/1');
    const sofar = linesOf(story.events);
    story.says('c/1', 'c2\n').ends('c/1').finish();
    const whole = linesOf(story.events);
    expect(whole.slice(0, sofar.length)).toEqual(sofar);
    expect(whole.slice(1, 15)).toEqual([
      ...['::group::#1 [a 1/1] RUN a', '0.000 a1', '0.000 a2', '::endgroup::', '#1 DONE 0.0s'],
      ...['::group::#2 [b 1/1] RUN b', '0.000 b1', '::endgroup::', '#2 DONE 0.0s'],
      ...['::group::#3 [c 1/1] RUN c', '0.000 c1', '0.000 c2', '::endgroup::', '#3 DONE 0.0s'],
    ]);
    expect(sofar.at(-1)).toBe('0.000 c1');
  });

  test('has warnings and errors as annotations with their place', () => {
    const location = { file: 'services/api/Dockerfile', line: 3, column: 1 };
    const story = new Story().start({ a: ['RUN a'], b: ['RUN b'] });
    story.emit({ type: 'warning', code: 'StageNameCasing', message: 'a: b,\nc 100%', location });
    story.run('a/1').run('b/1').says('a/1', 'a\n').says('b/1', 'b\n').ends('b/1', 'failed');
    const error = new JettisonError('RUN_FAILED', 'RUN b failed', { location });
    const lines = linesOf(story.emit({ type: 'build.failed', error, durationMs: 1 }).events);
    expect(lines).toContain(
      '::warning title=StageNameCasing,file=services/api/Dockerfile,line=3::a: b,%0Ac 100%25',
    );
    expect(lines.at(-1)).toBe('::error title=RUN_FAILED,file=services/api/Dockerfile,line=3::RUN b failed');
    expect(lines.slice(1, 9)).toEqual([
      ...['::group::#1 [a 1/1] RUN a', '0.000 a', '::endgroup::', '#1 CANCELED'],
      ...['::group::#2 [b 1/1] RUN b', '0.000 b', '::endgroup::', '#2 ERROR 0.0s'],
    ]);
  });

  test('escapes what would end a command or a property', () => {
    expect(workflowCommand('error', 'a\r\nb%', { file: 'a:b,c' })).toBe(
      '::error file=a%3Ab%2Cc::a%0D%0Ab%25',
    );
  });

  test('takes no line that a step prints, and no title, for a command', () => {
    const evil = fc.constantFrom(
      '::',
      '##[',
      'set-env',
      ']',
      ' ',
      '\r',
      '\n',
      '\t',
      '\u00ad',
      '#',
      ':',
      'x',
      'name=A',
    );
    const text = fc.array(evil, { maxLength: 14 }).map((parts) => parts.join(''));
    const set = fc.constantFrom(
      '::set-env name=A::b',
      '##[set-env name=A]b',
      '\r::add-mask::x',
      '#\u00ad#[error]x',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(text, set), { maxLength: 12 }), text, (said, title) => {
        const story = new Story()
          .start({ a: [`RUN ${title}`], b: ['RUN b'] })
          .run('a/1')
          .run('b/1');
        for (const [i, one] of said.entries()) story.says(i % 3 === 0 ? 'b/1' : 'a/1', `${one}\n`);
        story.emit({ type: 'step.progress', step: 'a/1', text: title });
        story.ends('a/1').ends('b/1', 'failed');
        story.emit({ type: 'build.failed', error: new JettisonError('X', 'failed'), durationMs: 1 });
        expect(
          commandsOf(log(story.events)).filter((name) => !/^(group|endgroup|error)$/.test(name)),
        ).toEqual([]);
        const count = (name: string) => commandsOf(log(story.events)).filter((one) => one === name).length;
        expect(count('group')).toBe(count('endgroup'));
        expect(count('error')).toBe(1);
      }),
    );
  });

  test('is what auto means in GitHub Actions, but on a terminal', async () => {
    const env = { GITHUB_ACTIONS: 'true' };
    const made = (screen: Screen) => createRenderer('auto', screen, { color: false, env });
    expect(await made(new Screen())).toBeInstanceOf(GithubRenderer);
    expect(await made(new Screen({ columns: 80, rows: 24 }))).not.toBeInstanceOf(GithubRenderer);
  });
});
