import { expand, type Lookup } from '../../dockerfile/expand.ts';
import { JettisonError } from '../../errors/error.ts';
import { parseReference } from '../../image/reference.ts';
import { definePlanCheck } from './define-plan-check.ts';

export const invalidDefaultArgInFrom = definePlanCheck({
  id: 'InvalidDefaultArgInFrom',
  description: 'With the defaults of its arguments, FROM names a valid image.',
  on: 'heads',
  check({ stages, globals, predefined, escape: escapeCharacter }, report) {
    const defaults = new Map<string, string>();
    const lookup: Lookup = (name) => defaults.get(name) ?? predefined(name);
    const text = (written: string) =>
      orUndefined(() => expand(written, lookup, { escape: escapeCharacter }).text);
    for (const { name, value } of globals.flatMap(({ args }) => args)) {
      const fallback = value === undefined ? undefined : text(value.text);
      if (fallback !== undefined) defaults.set(name.text, fallback);
    }
    for (const { from } of stages) {
      const { image } = from;
      if (!image.text.includes('$') || isName(text(image.text))) continue;
      report({
        message: `Without build arguments "${image.text}" is not a valid image name`,
        location: image.location,
        hint: 'Give its arguments defaults: ARG NAME=value.',
      });
    }
  },
});

function isName(text: string | undefined): boolean {
  return text !== undefined && text !== '' && orUndefined(() => parseReference(text)) !== undefined;
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof JettisonError) return undefined;
    throw error;
  }
}
