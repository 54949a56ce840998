import { JettisonError } from '../../errors/error.ts';
import { canonicalName, parseReference } from '../../image/reference.ts';
import { findImage } from '../../store/lookup.ts';
import { useStore } from '../../store/store.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  usage: 'jettison tag IMAGE NAME[:TAG]',
  about: 'Gives an image one more name. A name that another image has is taken from it.',
  examples: ['jettison tag app registry.example.com/team/app:1.0'],
  async run({ args, io }) {
    const [source, name] = args as [string, string];
    const reference = parseReference(name);
    if (reference.digest !== undefined) {
      throw new JettisonError('REFERENCE_INVALID', `"${name}" has a digest: tags have none`, {
        hint: 'Leave out the part after the name, from the @ on: jettison tag IMAGE NAME:TAG.',
      });
    }
    await useStore(io, (store) => {
      store.images.put(canonicalName(reference), findImage(store, source).target);
    });
    return 0;
  },
});
