import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Call, callProgram, canMakePrograms, cText, Words } from '../../../src/launch/call-program.ts';
import { tempDir } from '../../support/temp-dir.ts';

const why =
  process.platform !== 'linux'
    ? 'the programs are for Linux'
    : canMakePrograms()
      ? undefined
      : `there are no programs for ${process.arch}`;

describe.skipIf(why)('a program of system calls', () => {
  let folder: string;
  beforeAll(() => {
    folder = tempDir();
  });

  const say = (text: string): Call => ({ name: 'write', args: [1, Buffer.from(text), text.length] });
  const end = (code: number): Call => ({ name: 'exit_group', args: [code] });
  const run = (calls: Call[]) => {
    const path = join(folder, 'program');
    rmSync(path, { force: true });
    writeFileSync(path, callProgram(calls), { mode: 0o700 });
    const { status, signal, stdout, stderr } = spawnSync(path, { encoding: 'utf8', cwd: folder });
    return { status, signal, stdout, stderr };
  };

  it('makes them in their order', () => {
    expect(run([say('one '), say('two'), end(7)])).toEqual({
      status: 7,
      signal: null,
      stdout: 'one two',
      stderr: '',
    });
  });

  it('ends with a message where one fails, or goes on, or makes others', () => {
    const chdir = (failures: Call['failures']): Call => ({
      name: 'chdir',
      args: [cText('/nowhere at all')],
      ...(failures && { failures }),
    });
    expect(run([chdir(undefined), say('not reached')])).toMatchObject({
      status: 125,
      stdout: '',
      stderr: 'chdir failed\n',
    });
    expect(run([chdir({ ENOENT: 'continue' }), say('reached'), end(0)])).toMatchObject({ stdout: 'reached' });
    expect(run([chdir({ EACCES: 'continue', ENOENT: { say: 'not there', exitCode: 3 } })])).toMatchObject({
      status: 3,
      stderr: 'not there\n',
    });
    expect(run([chdir({ EACCES: 'continue', any: [say('others'), end(4)] })])).toMatchObject({
      status: 4,
      stdout: 'others',
    });
  });

  it('becomes another program, with arguments and variables of any bytes', () => {
    const path = cText('/bin/sh');
    const words = ['sh', '-c', 'printf %s "$0" "$A"; exit 9', 'a "b" \n ü'].map(cText);
    const variables = [cText('A=x y\n=z'), cText('LD_PRELOAD=/nothing.so')];
    expect(
      run([{ name: 'execve', args: [path, new Words([...words, 0]), new Words([...variables, 0])] }]),
    ).toMatchObject({
      status: 9,
      stdout: 'a "b" \n üx y\n=z',
    });
  });

  it.each([
    [['PATH=/bin', 'HOME=/root', 'TOKEN=a b']],
    [['A=', 'B==x=', 'C=\'"$HOME`id`\\', 'D=a\nb\n', 'E=*', 'F= x ']],
    [['IFS=x', 'PWD=/a', 'OPTIND=x', 'PS4=p', 'UID=1', 'SHLVL=9', '_=x', 'LD_LIBRARY_PATH=/nothing']],
    [['a.b=1', 'a-b=2', '1=3', 'ü=4', 'JETTISON_0=a', 'LC_ALL=de', 'PATH=/x']],
    [[]],
  ])('hands on exactly the variables %j', (variables) => {
    const path = cText('/usr/bin/env');
    const words = new Words([cText('env'), cText('-0'), 0]);
    const { stdout } = run([
      { name: 'execve', args: [path, words, new Words([...variables.map(cText), 0])] },
    ]);
    expect(stdout.split('\0').slice(0, -1)).toEqual(variables);
  });

  it('is the same in all bytes for the same calls, on every machine that there is one for', () => {
    for (const machine of ['x64', 'arm64'] as const)
      expect(callProgram([say('x'), end(0)], machine)).toEqual(callProgram([say('x'), end(0)], machine));
  });
});
