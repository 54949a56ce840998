import type { Dockerfile, Instruction, RunInstruction, StageText } from '../dockerfile/ast.ts';
import type { Location } from '../errors/error.ts';
import type { Plan } from './plan.ts';
import type { DeclaredArg } from './stage-state.ts';

/** The inputs of a build of a target: arguments, secrets and SSH agents. */
export interface Outline {
  /** Name of the target; absent when it has none. */
  name?: string;
  description?: string;
  args: { name: string; value?: string; description?: string; location: Location }[];
  secrets: OutlineMount[];
  ssh: OutlineMount[];
}

export interface OutlineMount {
  name: string;
  required?: true;
  location: Location;
}

/** A stage as a target. */
export interface Target {
  name?: string;
  /** The default target. */
  default?: true;
  description?: string;
  /** As written. */
  base: string;
  platform?: string;
  location: Location;
}

/** The stages of a file. */
export function targetsOf({ stages }: Dockerfile): Target[] {
  return stages.map((stage, i) => ({
    ...(stage.name === undefined ? {} : { name: stage.name }),
    ...(i === stages.length - 1 ? { default: true as const } : {}),
    ...described(stage.from, stage.name),
    base: stage.from.image.text,
    ...(stage.from.platform === undefined ? {} : { platform: stage.from.platform.text }),
    location: stage.from.location,
  }));
}

/** The inputs of the stages of a plan. @param args of `planBuild`; the last one of a name wins */
export function outlineOf(dockerfile: Dockerfile, plan: Plan, args: readonly DeclaredArg[]): Outline {
  const stages = plan.stages.map(({ index }) => dockerfile.stages[index]!);
  const target = dockerfile.stages[plan.target.index]!;
  const declared = new Map<string, Outline['args'][number]>();
  for (const { name, value, instruction } of args) {
    declared.set(name, {
      name,
      ...(value === undefined ? {} : { value }),
      ...described(instruction, name),
      location: instruction.location,
    });
  }
  return {
    ...(target.name === undefined ? {} : { name: target.name }),
    ...described(target.from, target.name),
    args: [...declared.values()],
    secrets: mountsOf(stages, 'secret'),
    ssh: mountsOf(stages, 'ssh'),
  };
}

/** The description of a stage or argument: a comment directly above that begins with its name. */
function described({ comments }: Instruction, name: string | undefined): { description?: string } {
  const last = comments?.at(-1)?.trim();
  if (name === undefined || last === undefined || !last.toLowerCase().startsWith(`${name.toLowerCase()} `))
    return {};
  return { description: last.slice(name.length + 1).trim() };
}

function mountsOf(stages: StageText[], type: 'secret' | 'ssh'): OutlineMount[] {
  const found = new Map<string, OutlineMount>();
  const runs = stages.flatMap(({ instructions }) =>
    instructions.filter((instruction): instruction is RunInstruction => instruction.kind === 'RUN'),
  );
  for (const { options, location } of runs.flatMap(({ mounts }) => mounts)) {
    const value = (...keys: string[]) =>
      options.findLast((option) => keys.includes(option.key))?.value?.text ?? undefined;
    if (value('type') !== type) continue;
    const target = value('target', 'dst', 'destination');
    const name = value('id') ?? (type === 'ssh' ? 'default' : (value('source', 'src') ?? lastOf(target)));
    if (name === undefined) continue;
    const flag = options.find(({ key }) => key === 'required');
    const required = flag !== undefined && /^(1|t|true)$/i.test(flag.value?.text ?? 'true');
    if (found.has(name) && !required) continue;
    found.set(name, { name, ...(required ? { required: true as const } : {}), location });
  }
  return [...found.values()];
}

function lastOf(path: string | undefined): string | undefined {
  return path?.slice(path.lastIndexOf('/') + 1);
}
