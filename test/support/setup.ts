import fc from 'fast-check';
import { afterAll } from 'vitest';
import { SEED } from './seed.ts';
import { removeTempDirs } from './temp-dir.ts';

if (process.env['JETTISON_SEED'] !== undefined)
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: SEED });

// Runs before each file of tests. Of several hooks of this kind the first one runs last.
afterAll(removeTempDirs);
