import type { Instruction } from '../../dockerfile/ast.ts';
import type { TextEdit } from '../../dockerfile/text-edit.ts';
import { blockOf, lineEnd, linesAt, placeOf } from '../../dockerfile/text-edit.ts';
import { plural } from '../../events/units.ts';
import { editedDockerfile } from '../edited-text.ts';
import type { OptimiseEvidence, Rewrite } from '../rewrite.ts';
import { runtimeNames } from '../runtime-files.ts';

/** Instructions about the running image: they move to the last stage. */
const MOVED = new Set([
  'EXPOSE',
  'CMD',
  'ENTRYPOINT',
  'HEALTHCHECK',
  'USER',
  'STOPSIGNAL',
  'VOLUME',
  'LABEL',
]);
/** Those that the last stage needs as well as the build. */
const REPEATED = new Set(['ENV', 'ARG', 'SHELL']);
/** Outside files that a note names. */
const MOST_NAMED = 3;

/** One stage becomes two: the build, and what runs. */
export const multiStage: Rewrite = {
  id: 'multi-stage',
  title: 'leave the build behind',
  aim: 'size',
  propose(evidence) {
    const { facts } = evidence;
    const [stage] = facts.dockerfile.stages;
    const cwd = facts.target.final.cwd ?? evidence.plan.target.config.WorkingDir;
    if (facts.stages.length !== 1 || stage === undefined || stage.name !== undefined) return [];
    if (cwd === undefined || cwd === '/' || facts.target.isScratch) return [];
    return runtimeNames(evidence).map((names) => split(evidence, cwd, names));
  },
};

function split(evidence: OptimiseEvidence, cwd: string, names: readonly string[]) {
  const { facts, outside } = evidence;
  const { dockerfile, text } = facts;
  const newline = lineEnd(text);
  const [stage] = dockerfile.stages;
  const { from, instructions } = stage!;
  const edits: TextEdit[] = [];
  const fromEnd = facts.positions.offsetOf(from.image.location) + from.image.text.length;
  edits.push({ start: fromEnd, end: fromEnd, text: ' AS build' });
  const repeated: string[] = [];
  const moved: string[] = [];
  for (const instruction of instructions as Instruction[]) {
    if (REPEATED.has(instruction.kind)) {
      repeated.push(linesAt(text, placeOf(dockerfile, instruction)));
    } else if (MOVED.has(instruction.kind) && !isForBuild(instruction, instructions as Instruction[])) {
      const block = blockOf(dockerfile, instruction);
      moved.push(linesAt(text, block));
      edits.push({ ...block, text: '' });
    }
  }
  // What changes least comes first: an edit of the sources replaces one small layer.
  const order = [...names].sort((a, b) => rank(a) - rank(b));
  const copies = order.map((name) => {
    const path = `${cwd.replace(/\/$/, '')}/${name}`;
    return /\s/.test(path)
      ? `COPY --from=build ${JSON.stringify([path, `./${name}`])}${newline}`
      : `COPY --from=build ${path} ./${name}${newline}`;
  });
  const written = text.slice(facts.positions.offsetOf(from.location), placeOf(dockerfile, from).end);
  const head = written.trimEnd();
  const production = [
    ...(text.endsWith('\n') ? [] : [newline]),
    newline,
    `${head} AS production${newline}`,
    `WORKDIR ${cwd}${newline}`,
    ...repeated,
    ...copies,
    ...moved,
  ];
  edits.push({ start: text.length, end: text.length, text: production.join('') });
  const summary = `splits the build from what runs: copies ${order.join(', ')}`;
  const [first] = outside;
  if (first === undefined) return editedDockerfile(evidence, edits, summary);
  const named = outside.slice(0, MOST_NAMED).map((path) => `/${path}`);
  return editedDockerfile(
    evidence,
    edits,
    summary,
    `${plural(outside.length, 'file')} outside of ${cwd}, made by the build, will be missing, such as ${named.join(', ')}`,
  );
}

/** Whether a later RUN still needs it: USER, or a LABEL that is followed by one. */
function isForBuild(instruction: Instruction, all: readonly Instruction[]): boolean {
  const kinds: Instruction['kind'][] = ['USER', 'VOLUME'];
  if (!kinds.includes(instruction.kind)) return false;
  return all.slice(all.indexOf(instruction) + 1).some(({ kind }) => kind === 'RUN');
}

function rank(name: string): number {
  return name === 'node_modules' ? 0 : name === 'package.json' ? 1 : 2;
}
