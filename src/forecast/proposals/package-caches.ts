import { applyEdits, flagInsertion } from '../../dockerfile/text-edit.ts';
import { PACKAGE_MANAGERS } from './package-managers.ts';
import { isShipped, type Proposer, simpleCommand, stepOf } from './proposal.ts';

/**
 * Gives commands that install packages a mount for what they fetch: those that run again fetch only what is new. Only in
 * stages whose files are not in the image: there the packages' cache would be missing.
 */
export const cacheMounts: Proposer = {
  id: 'cache-mounts',
  saves: 'fetches',
  propose(subject) {
    const mounted: string[] = [];
    const changed = new Map<number, string>();
    for (const stage of subject.plan.stages) {
      if (isShipped(stage, subject.plan)) continue;
      for (const instruction of subject.dockerfile.stages[stage.index]?.instructions ?? []) {
        if (instruction.kind !== 'RUN' || instruction.mounts.length > 0) continue;
        const command = simpleCommand(instruction);
        const manager = PACKAGE_MANAGERS.find((one) => command !== undefined && one.installs(command));
        const step = stepOf(stage, instruction);
        const isRoot = step?.kind === 'run' && (step.user === '' || /^(root|0)(:|$)/.test(step.user));
        if (manager === undefined || !isRoot) continue;
        changed.set(instruction.location.line, manager.cache);
        mounted.push(`${manager.cache} for ${command}`);
      }
    }
    if (changed.size === 0) return undefined;
    const text = subject.dockerfile.parts
      .map((part) => {
        const cache = part.kind === 'instruction' ? changed.get(part.instruction.location.line) : undefined;
        if (cache === undefined) return part.text;
        return applyEdits(part.text, [flagInsertion(part.text, `--mount=type=cache,target=${cache}`)]);
      })
      .join('');
    return {
      summary: `mounts a cache at ${mounted.join(', at ')}`,
      reservation:
        'it runs as often, and fetches only what is new: how long that takes shows when it is tried',
      dockerfile: text,
    };
  },
};
