import { type ParseArgsConfig, parseArgs } from 'node:util';

/**
 * Splits the arguments of a command that runs another one: its options end at the first argument that is
 * none, and what follows is the other's, flags included.
 */
export function splitArguments(
  args: string[],
  options: NonNullable<ParseArgsConfig['options']>,
): { own: string[]; first: string | undefined; rest: string[] } {
  const { tokens } = parseArgs({ args, options, allowPositionals: true, strict: false, tokens: true });
  const positional = tokens.find(({ kind }) => kind === 'positional');
  if (positional === undefined) return { own: args, first: undefined, rest: [] };
  const terminator = tokens.find(({ kind }) => kind === 'option-terminator')?.index;
  const own = args.slice(0, positional.index).filter((_, index) => index !== terminator);
  const [first, ...rest] = args.slice(positional.index);
  return { own, first, rest };
}
