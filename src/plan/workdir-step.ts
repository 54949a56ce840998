import type { Instruction } from '../dockerfile/ast.ts';
import { absolutePath } from './copy-step.ts';
import type { StageState } from './stage-state.ts';

/** Plans WORKDIR: the config's directory, and the step that creates it if it is missing. */
export function addWorkdirStep(
  state: StageState,
  instruction: Extract<Instruction, { kind: 'WORKDIR' | 'USER' | 'STOPSIGNAL' | 'MAINTAINER' }>,
  title: string,
): void {
  const written = state.text(instruction.value);
  if (!state.isUncertain) {
    state.rules.check('workdir', { written, isFirst: !state.workdirSet, location: instruction.location });
  }
  state.workdirSet = true;
  if (written.startsWith('/') && !state.isUncertain) state.cwdKnown = true;
  else if (state.isUncertain) state.cwdKnown = false;
  // An absolute path is kept as written.
  const directory = written.startsWith('/') ? written : absolutePath('/', `${state.cwd}/${written}`);
  state.config.WorkingDir = directory;
  const path = absolutePath('/', directory);
  if (path === '/') {
    state.note(`WORKDIR ${directory}`, instruction);
    return;
  }
  const id = state.nextStepId();
  const { location, source } = instruction;
  state.steps.push({ kind: 'workdir', id, title, location, source, path, user: state.config.User ?? '' });
  state.note(`WORKDIR ${directory}`, instruction, id);
}
