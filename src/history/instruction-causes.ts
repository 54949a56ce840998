import type { Cause } from '../events/cause.ts';
import { canonicalJson } from '../image/digest.ts';
import { unmarked } from './masking.ts';
import type { StepFacts } from './step-facts.ts';

type Fields = Readonly<Record<string, unknown>>;
type Difference = Omit<Cause, 'at'>;

/** Fields of the instruction that flags or other instructions set, by what people call them. */
const FLAGS: Record<string, string> = {
  chown: '--chown',
  chmod: '--chmod',
  exclude: '--exclude',
  parents: '--parents',
  link: '--link',
  unpack: '--unpack',
  network: '--network',
  insecure: '--security=insecure',
  user: 'USER',
  hosts: '--add-host',
  ulimits: '--ulimit',
  shmSize: '--shm-size',
  hostname: 'BUILDKIT_SANDBOX_HOSTNAME',
  time: 'SOURCE_DATE_EPOCH',
};
/** Fields that are told by other means. */
const ELSEWHERE = new Set(['kind', 'env', 'mounts', 'cwd', 'from', 'agent']);

/** What differs in the instruction of a step and in the variables that it sees. `cwd` is left to the caller. */
export function instructionCauses(now: StepFacts, was: StepFacts): Difference[] {
  const fields = differingFields(now.instruction, was.instruction);
  const variables = variableCauses(now, was);
  const isSameText = now.text === was.text;
  const readsOther = placesOf(now) !== placesOf(was);
  if (fields.length === 0 && variables.length === 0 && !(readsOther && !isSameText)) return [];
  // What variables changed is not told twice.
  const byVariables = isSameText && variables.length > 0 && now.kind !== 'run';
  const causes: Difference[] = [...variables];
  if (!byVariables) {
    const flags = fields.flatMap((field) => flagCause(field, now.instruction, was.instruction));
    const rest = fields.filter((field) => FLAGS[field] === undefined && !ELSEWHERE.has(field));
    const mounts = fields.includes('mounts') ? mountCauses(now.instruction, was.instruction) : [];
    const isWordless = isSameText && (rest.length > 0 || readsOther);
    if (!isSameText && (rest.length > 0 || readsOther)) {
      causes.push(changed(now, was), ...flags.filter(({ name }) => !name.startsWith('--') || isGlobal(name)));
    } else {
      const explained = isWordless ? wordless(rest, now, was) : [];
      const mountsByVariables = isSameText && variables.length > 0;
      causes.push(...flags, ...(mountsByVariables ? [] : mounts), ...explained);
    }
  }
  return causes;
}

/** Fields that differ though the instruction reads the same. */
function wordless(rest: string[], now: StepFacts, was: StepFacts): Difference[] {
  if (rest.includes('args')) {
    const [shell, shellWas] = [shellOf(now), shellOf(was)];
    if (shell !== undefined && shellWas !== undefined && shell !== shellWas) {
      return [{ kind: 'flag', name: 'SHELL', now: shell, was: shellWas }];
    }
  }
  // A relative path, which the working directory completes.
  const byDirectory =
    now.cwd !== was.cwd && rest.every((field) => field === 'destination' || field === 'path');
  return byDirectory ? [] : [changed(now, was)];
}

/** Whether the working directory makes a difference: to a command, or to a path that is relative to it. */
export function dependsOnDirectory(now: StepFacts, was: StepFacts): boolean {
  if (now.cwd === was.cwd || now.text !== was.text) return false;
  const fields = differingFields(now.instruction, was.instruction);
  return fields.some((field) => field === 'cwd' || field === 'destination' || field === 'path');
}

function isGlobal(flag: string): boolean {
  return ['--add-host', '--ulimit', '--shm-size'].includes(flag);
}

function changed(now: StepFacts, was: StepFacts): Difference {
  return { kind: 'instruction', name: now.title, now: now.title, was: was.title };
}

/** Names of the fields that two objects do not have in common. */
function differingFields(now: Fields, was: Fields): string[] {
  const names = new Set([...Object.keys(now), ...Object.keys(was)]);
  return [...names].filter((name) => canonicalJson(now[name] ?? null) !== canonicalJson(was[name] ?? null));
}

function flagCause(field: string, now: Fields, was: Fields): Difference[] {
  const name = FLAGS[field];
  if (name === undefined) return [];
  return [{ kind: 'flag', name, was: shown(field, was[field]), now: shown(field, now[field]) }];
}

function shown(field: string, value: unknown): string {
  if (value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)) {
    return field === 'user' ? 'root' : 'not set';
  }
  if (value === false) return 'off';
  if (value === true) return 'on';
  if (field === 'hosts') return (value as [string, string][]).map((pair) => pair.join(':')).join(' ');
  if (field === 'ulimits') {
    return (value as { name?: string; soft?: number; hard?: number }[])
      .map(({ name, soft, hard }) => `${name}=${soft}:${hard}`)
      .join(' ');
  }
  if (Array.isArray(value)) return value.map(String).join(' ');
  return String(value);
}

/** Which variables differ. One that only repeats another's new value, as `ENV B=$A` does, is left out. */
function variableCauses(now: StepFacts, was: StepFacts): Difference[] {
  const names = [...new Set([...Object.keys(now.variables), ...Object.keys(was.variables)])].sort();
  const differing = names.filter((name) => now.variables[name] !== was.variables[name]);
  const isRoot = (name: string) =>
    !differing.some((other) => other !== name && derives(name, other, now, was));
  // Text that names other variables has changed itself.
  const relevant =
    now.kind === 'run' || now.text === was.text
      ? differing
      : differing.filter((name) => name in now.variables && name in was.variables);
  return relevant.filter(isRoot).map((name) => ({
    kind: 'variable',
    name,
    ...(was.variables[name] === undefined ? {} : { was: unmarked(was.variables[name]) }),
    ...(now.variables[name] === undefined ? {} : { now: unmarked(now.variables[name]) }),
  }));
}

/** Whether a variable's change is that of another one, whose value it contains. */
function derives(name: string, from: string, now: StepFacts, was: StepFacts): boolean {
  const [value, valueWas, part, partWas] = [
    now.variables[name],
    was.variables[name],
    now.variables[from],
    was.variables[from],
  ];
  if (value === undefined || valueWas === undefined || !part || !partWas) return false;
  if (valueWas.replaceAll(partWas, part) !== value) return false;
  // Of two that are equal, the argument is the source, else the one that is declared first in the alphabet.
  if (value !== part) return value.length > part.length;
  const [isArg, isFromArg] = [now.args.includes(name), now.args.includes(from)];
  return isArg === isFromArg ? from < name : isFromArg;
}

/** The mounts of a RUN that differ, by their place. */
function mountCauses(now: Fields, was: Fields): Difference[] {
  const [mounts, mountsWas] = [mountsOf(now), mountsOf(was)];
  const targets = new Set([...mounts.keys(), ...mountsWas.keys()]);
  return [...targets].flatMap((target): Difference[] => {
    const [one, before] = [mounts.get(target), mountsWas.get(target)];
    if (one === before) return [];
    const type = (one ?? before)!.type;
    const name = `--mount=type=${type},target=${target}`;
    if (one !== undefined && before !== undefined && one.text === before.text) return [];
    return [
      {
        kind: 'mount',
        name,
        ...(one === undefined ? {} : { now: one.text }),
        ...(before === undefined ? {} : { was: before.text }),
      },
    ];
  });
}

function mountsOf({ mounts = [] }: Fields): Map<string, { type: string; text: string }> {
  return new Map(
    (mounts as { type: string; target?: string; env?: string; id?: string }[]).map((mount) => [
      mount.target ?? mount.env ?? mount.id ?? '',
      { type: mount.type, text: canonicalJson(mount) },
    ]),
  );
}

/** The words before a command in shell form. */
function shellOf({ instruction, text }: StepFacts): string | undefined {
  const args = instruction['args'];
  if (!Array.isArray(args) || args.length < 2) return undefined;
  return /^RUN\s+(?:--\S+\s+)*\[/i.test(text) ? undefined : args.slice(0, -1).map(String).join(' ');
}

/** The stages, images and contexts that a step reads. */
function placesOf({ files }: StepFacts): string {
  return files
    .map(({ from }) => `${from.kind} ${from.kind === 'step' ? from.stage : 'name' in from ? from.name : ''}`)
    .join();
}
