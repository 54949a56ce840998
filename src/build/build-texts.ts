import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import type { Texts } from '../optimise/rewrite.ts';
import { type BuildOptions, type BuildResult, build, type ImageResult } from './build.ts';

/**
 * Builds a Dockerfile and an ignore file that stand in no file of the context.
 *
 * @param label what errors call the Dockerfile: its copy is gone when they are read
 */
export async function buildTexts(
  options: Omit<BuildOptions, 'file' | 'outputs'>,
  { dockerfile, ignoreText }: Texts,
  label: string,
): Promise<BuildResult & ImageResult> {
  const folder = mkdtempSync(join(tmpdir(), 'jettison-texts-'));
  const file = join(folder, 'Dockerfile');
  try {
    writeFileSync(file, dockerfile);
    // It takes precedence over the context's .dockerignore.
    writeFileSync(`${file}.dockerignore`, ignoreText ?? '');
    return await build({ ...options, file });
  } catch (error) {
    if (!(error instanceof JettisonError) || error.location?.file !== file) throw error;
    throw error.with({ location: { ...error.location, file: label } });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
