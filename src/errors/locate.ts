import { JettisonError, type Location } from './error.ts';

/**
 * Does work for an instruction, and adds its location to errors without one.
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

/** The same for synchronous work. */
export function at<T>(instruction: { location: Location; source: string }, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw placed(error, instruction);
  }
}

/**
 * The error itself; a JettisonError without location or source text gets those of the instruction.
 */
export function placed(error: unknown, instruction: { location: Location; source: string }): unknown {
  if (!(error instanceof JettisonError) || error.source !== undefined) return error;
  const { line, endLine = line, file } = instruction.location;
  const at = error.location ?? instruction.location;
  if (at.file !== file || at.line < line || at.line > endLine) return error;
  return error.with({ location: at, source: instruction.source, sourceLine: line });
}
