import { describe, expect, it } from 'vitest';
import { runProcess } from '../../../src/run/process.ts';

const config = {
  Entrypoint: ['node'],
  Cmd: ['app.js'],
  Env: ['PATH=/bin', 'A=1'],
  WorkingDir: '/app',
  User: 'node',
};
const none = { command: [], env: [] };

describe('runProcess', () => {
  it("is the image's by default", () => {
    expect(runProcess(config, none, 'box', false)).toEqual({
      args: ['node', 'app.js'],
      env: ['HOSTNAME=box', 'PATH=/bin', 'A=1'],
      cwd: '/app',
      user: 'node',
    });
    expect(runProcess({ Cmd: ['x'] }, none, 'box', true)).toEqual({
      args: ['x'],
      env: ['HOSTNAME=box', 'TERM=xterm'],
      cwd: '/',
      user: '',
    });
  });

  it.each([
    [{ command: ['-v'] }, ['node', '-v']],
    [{ entrypoint: 'sh' }, ['sh']],
    [{ entrypoint: 'sh', command: ['-c', 'x'] }, ['sh', '-c', 'x']],
    [{ entrypoint: '', command: ['ls'] }, ['ls']],
  ])('with %j it runs %j', (options, args) => {
    expect(runProcess(config, { ...none, ...options }, 'box', false).args).toEqual(args);
  });

  it('lets options win over the image', () => {
    const process = runProcess(config, { command: [], env: ['A=2'], user: '0', cwd: '/x' }, 'box', false);
    expect(process).toMatchObject({ cwd: '/x', user: '0' });
    expect(process.env.at(-1)).toBe('A=2');
  });

  it('needs something to run', () => {
    expect(() => runProcess({}, none, 'box', false)).toThrow(expect.objectContaining({ code: 'NO_COMMAND' }));
    expect(() => runProcess(config, { ...none, entrypoint: '' }, 'box', false)).toThrow(
      expect.objectContaining({ code: 'NO_COMMAND' }),
    );
  });
});
