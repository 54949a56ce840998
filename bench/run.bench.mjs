// What a RUN costs besides its command, on each rung that works here.
import { join } from 'node:path';
import { line, median, sorted, timed, workspace } from './harness.mjs';

const STEPS = 20;
const ROUNDS = 5;

export default async function* run() {
  const space = workspace();
  space.jettison('base', 'host', '-t', 'localhost/base');
  const rungs = JSON.parse(space.jettison('doctor', '--json').stdout)
    .rungs.filter(({ name, usable }) => usable && name !== 'none')
    .map(({ name }) => name);
  let serial = 0;
  const build = (rung, steps) => {
    const lines = Array.from({ length: steps }, (_, i) => `RUN ["/bin/true", "${serial}", "${i}"]`);
    serial++;
    space.write({ 'Dockerfile.run': ['FROM localhost/base', ...lines, ''].join('\n') });
    space.jettison(
      'build',
      '-q',
      `--isolation=${rung}`,
      '-f',
      join(space.root, 'Dockerfile.run'),
      space.root,
    );
  };
  const times = new Map(rungs.map((rung) => [rung, { one: [], many: [] }]));
  // One after the other in each round: what else the machine does then slows all of them.
  for (const rung of rungs) build(rung, 1);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [rung, { one, many }] of times) {
      one.push(timed(() => build(rung, 1)));
      many.push(timed(() => build(rung, 1 + STEPS)));
    }
  }
  for (const [rung, taken] of times) {
    const [one, many] = [sorted(taken.one), sorted(taken.many)];
    yield line(`${rung}: build with one RUN of /bin/true`, one);
    yield line(`${rung}: build with ${1 + STEPS} of them`, many);
    const each = ((median(many) - median(one)) / STEPS).toFixed(1);
    yield `${`${rung}: a no-op RUN`.padEnd(56)} ${each.padStart(7)} ms`;
  }
}
