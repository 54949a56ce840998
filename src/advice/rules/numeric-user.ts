import { defineAdvice } from '../advice.ts';

/** Accounts of well-known bases. */
const KNOWN: Record<string, string> = { node: '1000', nonroot: '65532', nobody: '65534' };

export const numericUser = defineAdvice({
  id: 'NumericUser',
  description: 'USER is a number, so that Kubernetes can verify that it is not root.',
  severity: 'info',
  confidence: 'certain',
  aliases: [],
  on: 'file',
  check({ target }, report) {
    const { user, userInstruction } = target.final;
    const name = user.replace(/:.*$/, '');
    if (userInstruction === undefined || name === '' || name === 'root' || /^\d+$|\$/.test(name)) return;
    const number = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
    report({
      message: `runAsNonRoot of Kubernetes refuses the user "${name}": it cannot know its number`,
      hint: number === undefined ? 'Write the number of the account.' : `Write USER ${number}.`,
      location: userInstruction.value.location,
      stage: target,
    });
  },
});
