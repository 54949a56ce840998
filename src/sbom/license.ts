import parse from 'spdx-expression-parse';

/** @returns whether a license is an SPDX expression that needs no text of its own; `isId`: it is one id */
export function readLicense(text: string): { isExpression: boolean; isId: boolean } {
  if (/LicenseRef-|DocumentRef-/.test(text)) return { isExpression: false, isId: false };
  try {
    const read = parse(text);
    return { isExpression: true, isId: 'license' in read && read.license === text };
  } catch {
    return { isExpression: false, isId: false };
  }
}
