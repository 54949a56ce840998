import parse from 'spdx-expression-parse';

/** @returns `isExpression`: it is a valid SPDX expression without LicenseRef; `isId`: it is a single SPDX id */
export function readLicense(text: string): { isExpression: boolean; isId: boolean } {
  if (/LicenseRef-|DocumentRef-/.test(text)) return { isExpression: false, isId: false };
  try {
    const read = parse(text);
    return { isExpression: true, isId: 'license' in read && read.license === text };
  } catch {
    return { isExpression: false, isId: false };
  }
}
