import { JettisonError } from '../../errors/error.ts';
import { LayerSizes } from '../../export/sizes.ts';
import { findContainer } from '../../run/container.ts';
import { findImage } from '../../store/lookup.ts';
import { openStore, type Store } from '../../store/store.ts';
import { defineCommand } from '../command.ts';
import { describeContainer } from '../print/describe-container.ts';
import { describeImage } from '../print/docker-inspect.ts';
import { forOutput, refuseBoth } from '../print/list-output.ts';
import { compileTemplate } from '../print/template/compile.ts';
import { toJson } from '../print/template/values.ts';

const INDENT = 4;

function describe(
  store: Store,
  name: string,
  type: 'image' | 'container' | undefined,
  sizes: LayerSizes,
): unknown {
  if (type !== 'image') {
    try {
      return describeContainer(findContainer(store, name));
    } catch (error) {
      const unknown = error instanceof JettisonError && error.code === 'CONTAINER_UNKNOWN';
      if (!unknown || type === 'container') throw error;
    }
  }
  return describeImage(findImage(store, name), sizes);
}

export const command = defineCommand({
  usage: 'jettison inspect [OPTIONS] NAME...',
  about: `Shows everything about images and containers as JSON, with the members that \`docker inspect\` has.
Of an image, Size is that of the packed layers (as is CompressedSize), UnpackedSize that of their files (null until they
are unpacked), both in bytes.`,
  flags: {
    format: {
      short: 'f',
      value: 'FORMAT',
      suggest: ['json'],
      help: "json (one line), or a Go template such as '{{.Config.User}}'",
    },
    json: { help: 'Everything, as without options' },
    type: {
      value: 'TYPE',
      values: ['image', 'container'],
      help: 'Look for image or container only; otherwise a container comes before an image of the same name',
    },
  },
  examples: [
    "jettison inspect -f '{{json .Config}}' app",
    "jettison inspect -f '{{range .Config.Env}}{{println .}}{{end}}' app",
    "jettison inspect -f '{{.State.Health.Status}}' web",
  ],
  async run({ flags, args, io }) {
    refuseBoth(flags);
    const { format, type } = flags;
    const template = format === undefined || format === 'json' ? undefined : compileTemplate(format);
    const store = openStore({ env: io.env });
    const sizes = new LayerSizes(store);
    const found: unknown[] = [];
    let missing: JettisonError | undefined;
    for (const name of args) {
      try {
        found.push(describe(store, name, type, sizes));
      } catch (error) {
        // The others are still shown.
        if (!(error instanceof JettisonError)) throw error;
        missing ??= error;
      }
    }
    store.close();
    if (template !== undefined) for (const one of found) io.stdout.write(`${forOutput(io, template(one))}\n`);
    else io.stdout.write(`${toJson(found, format === 'json' ? undefined : INDENT)}\n`);
    if (missing !== undefined) throw missing;
    return 0;
  },
});
