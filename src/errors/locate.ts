import { JettisonError, type Location } from './error.ts';

/**
 * Does some work for an instruction, and gives errors that have no place yet the instruction's.
 *
 * @throws what the work throws
 */
export async function located<T>(
  instruction: { location: Location; source: string },
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw placed(error, instruction);
  }
}

/** The same for work that does not wait for anything. */
export function at<T>(instruction: { location: Location; source: string }, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw placed(error, instruction);
  }
}

/**
 * The error itself; if it is one of ours that lacks its place, or the text at its place, the same error with
 * the instruction's.
 */
export function placed(error: unknown, instruction: { location: Location; source: string }): unknown {
  if (!(error instanceof JettisonError) || error.source !== undefined) return error;
  const { line, endLine = line, file } = instruction.location;
  const at = error.location ?? instruction.location;
  if (at.file !== file || at.line < line || at.line > endLine) return error;
  return error.with({ location: at, source: instruction.source, sourceLine: line });
}
