import { JettisonError } from '../../errors/error.ts';
import type { BuildRecord, BuildStep } from '../../history/build-record.ts';
import { BuildStore } from '../../history/build-store.ts';
import { findBuild } from '../../history/find-build.ts';
import { openStore } from '../../store/store.ts';
import { defineCommand } from '../command.ts';
import { buildHead, stepReasons } from '../print/build-text.ts';
import { printJson } from '../print/list-output.ts';

export const command = defineCommand({
  usage: 'jettison why-ran [OPTIONS] [BUILD] [STEP|LINE]',
  about: `Shows why the steps of a build ran, or did not: every fact that differs from the build on record that is most
like it. BUILD is an id or its beginning; default: the latest. STEP is an id such as build/3, or a part of the
instruction; LINE a line of the Dockerfile.`,
  flags: { json: { help: 'All facts as JSON' } },
  examples: ['jettison why-ran', 'jettison why-ran build/3', 'jettison why-ran k3x9f2a7bd 12'],
  async run({ flags, args, io }) {
    const store = openStore({ env: io.env });
    try {
      const builds = new BuildStore(store.layout);
      const [first, second] = args;
      const isBuild =
        first !== undefined &&
        (second !== undefined || (!isLine(first) && builds.names().some(({ id }) => id.startsWith(first))));
      const build = findBuild(builds, isBuild ? first : undefined);
      const steps = chosen(build, isBuild ? second : first);
      if (flags.json) {
        printJson(io, { build: build.id, started: build.started, steps });
        return 0;
      }
      const blocks = steps.map((step) => stepReasons(step, build, builds, io).join('\n'));
      io.stdout.write(`${[buildHead(build, io), ...blocks].join('\n\n')}\n`);
      return 0;
    } finally {
      store.close();
    }
  },
});

/** A number alone is a line: that an id begins with it is chance. */
function isLine(text: string): boolean {
  return /^\d+$/.test(text);
}

/** @throws JettisonError `STEP_UNKNOWN` */
function chosen({ steps, id }: BuildRecord, wanted: string | undefined): BuildStep[] {
  if (wanted === undefined) return steps.filter(({ definition }) => definition !== undefined);
  const found = isLine(wanted)
    ? steps.filter(({ line }) => line === Number(wanted))
    : steps.filter((step) => step.id === wanted || step.title.includes(wanted));
  if (found.length > 0) return found;
  throw new JettisonError('STEP_UNKNOWN', `the build ${id} has no step "${wanted}"`, {
    hint: '`jettison why-ran` shows all of the latest build.',
  });
}
