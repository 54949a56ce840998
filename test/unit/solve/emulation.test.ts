import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import { hostPlatform, parsePlatform } from '../../../src/image/platform.ts';
import { planBuild } from '../../../src/plan/planner.ts';
import { checkRunnable } from '../../../src/solve/emulation.ts';
import { tempDir } from '../../support/temp-dir.ts';

const FOREIGN = hostPlatform().architecture === 's390x' ? 'linux/arm64' : 'linux/s390x';
/** What qemu registers for s390x, whose programs have the most significant byte first. */
const MAGIC = '7f454c4602020100000000000000000000020016';

describe('running programs of other architectures', () => {
  let folder: string;
  beforeEach(() => {
    folder = tempDir();
  });

  const register = (lines: string[], status = 'enabled') => {
    writeFileSync(join(folder, 'status'), `${status}\n`);
    writeFileSync(join(folder, 'qemu'), lines.join('\n'));
  };
  const check = (text: string, platform = FOREIGN) => {
    const planned = planBuild({
      dockerfile: parseDockerfile(text, 'Dockerfile'),
      buildArgs: {},
      labels: {},
      platform: parsePlatform(platform, hostPlatform()),
      buildPlatform: hostPlatform(),
      network: 'host',
      images: new Map(),
    });
    if (planned.kind !== 'plan') throw new Error('needs images');
    checkRunnable(planned.plan, folder);
  };
  const RUN = 'FROM scratch\nCOPY a /\nRUN x\n';

  it('is refused at the RUN where the kernel has no interpreter', () => {
    const refused = expect.objectContaining({
      code: 'PLATFORM_FOREIGN',
      location: expect.objectContaining({ line: 3 }),
    });
    expect(() => check(RUN)).toThrow(refused);
    register(['enabled', 'flags: F', `magic ${MAGIC.replace(/0016$/, 'ffff')}`]);
    expect(() => check(RUN)).toThrow(refused);
    register(['enabled', 'interpreter /usr/bin/qemu-s390x', 'flags: ', 'offset 0', `magic ${MAGIC}`]);
    expect(() => check(RUN)).toThrow(refused);
    register(['disabled', 'flags: F', `magic ${MAGIC}`]);
    expect(() => check(RUN)).toThrow(refused);
    register(['enabled', 'flags: F', `magic ${MAGIC}`], 'disabled');
    expect(() => check(RUN)).toThrow(refused);
  });

  it('is fine with one that needs no file of the image', () => {
    register(['enabled', 'interpreter /usr/bin/qemu-s390x', 'flags: POCF', 'offset 0', `magic ${MAGIC}`]);
    const run = () => check(RUN);
    // Of the other architecture qemu registers another magic.
    if (FOREIGN === 'linux/s390x') expect(run).not.toThrow();
    else expect(run).toThrow(expect.objectContaining({ code: 'PLATFORM_FOREIGN' }));
  });

  it('matters to RUN alone, in stages that are needed', () => {
    expect(() => check('FROM scratch AS unused\nRUN x\nFROM scratch\nCOPY a /\nWORKDIR /b\n')).not.toThrow();
    expect(() => check(RUN, 'linux/'.concat(hostPlatform().architecture))).not.toThrow();
  });
});
