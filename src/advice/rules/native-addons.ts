import { addonFaults } from '../../inspect/addon-faults.ts';
import { defineImageAdvice } from '../advice.ts';

export const nativeAddons = defineImageAdvice({
  id: 'NativeAddons',
  description: 'Native addons are built for the C library, the architecture and the Node of the image.',
  severity: 'error',
  confidence: 'certain',
  aliases: [],
  on: 'file',
  check(_, report, { image }) {
    for (const { path, name, fault } of addonFaults(image.inspection)) {
      report({
        message: `${name} does not load in this image: /${path} ${fault}`,
        hint: 'Install in a stage on the base image of the last stage, or on one with the same C library and Node.',
        ...image.place(image.census.leaves.get(path)!.layer),
      });
    }
  },
});
