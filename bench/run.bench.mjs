// What a RUN costs besides its command.
import { join } from 'node:path';
import { line, measure, median, workspace } from './harness.mjs';

const STEPS = 20;

export default async function* run() {
  const space = workspace();
  space.jettison('base', 'host', '-t', 'localhost/base');
  let serial = 0;
  const build = (steps) => {
    const lines = Array.from({ length: steps }, (_, i) => `RUN ["/bin/true", "${serial}", "${i}"]`);
    serial++;
    space.write({ 'Dockerfile.run': ['FROM localhost/base', ...lines, ''].join('\n') });
    space.jettison('build', '-q', '-f', join(space.root, 'Dockerfile.run'), space.root);
  };
  build(1);
  const one = measure(5, () => build(1));
  const many = measure(5, () => build(1 + STEPS));
  yield line('build with one RUN of /bin/true', one);
  yield line(`build with ${1 + STEPS} of them`, many);
  yield `${'a no-op RUN'.padEnd(56)} ${((median(many) - median(one)) / STEPS).toFixed(1).padStart(7)} ms`;
}
