declare module 'spdx-expression-parse' {
  /** @throws Error for what is not an expression */
  export default function parse(text: string): { license: string } | { conjunction: 'and' | 'or' };
}
