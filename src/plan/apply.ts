import type { Instruction } from '../dockerfile/ast.ts';
import { proxyVariables } from './arguments.ts';
import { addCopyStep } from './copy-step.ts';
import type { PlanInput } from './input.ts';
import { applyMetadata } from './metadata.ts';
import type { CopyFrom } from './plan.ts';
import { addRunStep } from './run-step.ts';
import type { SourceUser } from './sources.ts';
import type { StageState } from './stage-state.ts';
import { addWorkdirStep } from './workdir-step.ts';

/** The inputs of instructions besides the state of their stage. */
export interface PlanEnvironment {
  input: PlanInput;
  /** Arguments before the first FROM. */
  globals: ReadonlyMap<string, string | undefined>;
  /** The sources that `from=` and `--from=` refer to. */
  sources: ReadonlyMap<SourceUser, CopyFrom>;
}

/** Applies one instruction to a stage's state. @param title the title of its step */
export function applyInstruction(
  state: StageState,
  instruction: Exclude<Instruction, { kind: 'FROM' }>,
  title: string,
  { input, globals, sources }: PlanEnvironment,
): void {
  switch (instruction.kind) {
    case 'ARG': {
      // Unlike ENV's pairs, each argument sees those before it on its line.
      const shown = instruction.args.map((arg) => {
        // As in BuildKit the name is neither expanded nor unquoted.
        const name = arg.name.text;
        const given = input.buildArgs[name];
        // An unused default is not expanded: it may be `${NAME:?message}`.
        const fallback = given === undefined && arg.value !== undefined ? state.text(arg.value) : undefined;
        const value = given ?? fallback ?? globals.get(name);
        state.declare(name, value, instruction);
        state.rules.check('variable', { instruction: 'ARG', name, value, location: instruction.location });
        return value === undefined ? name : `${name}=${value}`;
      });
      state.note(`ARG ${shown.join(' ')}`, instruction);
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
        hiddenEnv: proxyVariables(input.buildArgs),
        sources,
        hostname: input.buildArgs['BUILDKIT_SANDBOX_HOSTNAME'],
        checked: input.check !== undefined,
        allowInsecure: input.allowInsecure === true,
        allowHostNetwork: input.allowHostNetwork === true || input.network === 'host',
        cacheNamespace: input.buildArgs['BUILDKIT_CACHE_MOUNT_NS'],
      });
      return;
    default:
      applyMetadata(state, instruction);
  }
}
