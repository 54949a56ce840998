import type { Instruction } from '../dockerfile/ast.ts';
import { isProxyArg } from './arguments.ts';
import { addCopyStep } from './copy-step.ts';
import type { PlanInput } from './input.ts';
import { applyMetadata } from './metadata.ts';
import type { CopyFrom } from './plan.ts';
import { addRunStep } from './run-step.ts';
import type { SourceUser } from './sources.ts';
import type { StageState } from './stage-state.ts';
import { addWorkdirStep } from './workdir-step.ts';

/** What instructions need to know besides the stage that they are in. */
export interface Surroundings {
  input: PlanInput;
  /** Arguments before the first FROM. */
  globals: ReadonlyMap<string, string | undefined>;
  /** What the stages and images that the stage copies from stand for. */
  sources: ReadonlyMap<SourceUser, CopyFrom>;
}

/** Carries out one instruction on a stage's state. @param title how its step is called */
export function applyInstruction(
  state: StageState,
  instruction: Exclude<Instruction, { kind: 'FROM' }>,
  title: string,
  { input, globals, sources }: Surroundings,
): void {
  switch (instruction.kind) {
    case 'ARG': {
      // Unlike ENV's pairs, each argument sees those before it on its line.
      const shown = instruction.args.map((arg) => {
        const name = state.text(arg.name);
        const fallback = arg.value === undefined ? undefined : state.text(arg.value);
        const value = input.buildArgs[name] ?? fallback ?? globals.get(name);
        state.declare(name, value, instruction);
        state.checkSecret('ARG', { name, value }, instruction.location);
        return value === undefined ? name : `${name}=${value}`;
      });
      state.history.push({ createdBy: `ARG ${shown.join(' ')}` });
      return;
    }
    case 'WORKDIR':
      addWorkdirStep(state, instruction, title);
      return;
    case 'COPY':
    case 'ADD':
      addCopyStep(
        state,
        instruction,
        title,
        sources.get(instruction) ?? { kind: 'context' },
        input.ignoredBy,
      );
      return;
    case 'RUN':
      addRunStep(state, instruction, title, {
        network: input.network,
        hiddenEnv: proxyEnv(state, input.buildArgs),
        sources,
        allowInsecure: input.allowInsecure ?? input.check !== undefined,
      });
      return;
    default:
      applyMetadata(state, instruction);
  }
}

/** Proxy settings reach every RUN without an ARG; with one they are ordinary arguments. */
function proxyEnv(state: StageState, buildArgs: Record<string, string>): string[] {
  return Object.entries(buildArgs)
    .filter(([name]) => isProxyArg(name) && !state.args.some((arg) => arg.name === name))
    .map(([name, value]) => `${name}=${value}`);
}
