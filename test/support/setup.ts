import { afterAll } from 'vitest';
import { removeTempDirs } from './temp-dir.ts';

// Runs before each file of tests. Of several hooks of this kind the first one runs last.
afterAll(removeTempDirs);
