import { defineCheck } from './define-check.ts';

export const fromAsCasing = defineCheck({
  id: 'FromAsCasing',
  description: 'FROM and AS are written in the same case.',
  on: 'stage',
  check({ from: { keyword, as } }, report) {
    if (as === undefined) return;
    const isLower = keyword === keyword.toLowerCase();
    const isUpper = keyword === keyword.toUpperCase();
    const isSame = isLower
      ? as.text === as.text.toLowerCase()
      : !isUpper || as.text === as.text.toUpperCase();
    if (isSame) return;
    report({
      message: `${keyword} and ${as.text} are not written in the same case`,
      location: as.location,
      hint: `Write ${isLower ? 'as' : 'AS'}.`,
    });
  },
});
