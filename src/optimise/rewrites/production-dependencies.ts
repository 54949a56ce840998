import { nodeInstall } from '../../advice/package-installs.ts';
import { hasDevDependencies } from '../../advice/package-json.ts';
import type { ShellCommand } from '../../advice/shell-commands.ts';
import type { RunFacts, StageFacts } from '../../advice/stage-facts.ts';
import { blockOf, lineEnd, placeOf } from '../../dockerfile/text-edit.ts';
import { PACKAGE_MANAGERS } from '../../forecast/proposals/package-managers.ts';
import { editedDockerfile } from '../edited-text.ts';
import type { Candidate, OptimiseEvidence, Rewrite } from '../rewrite.ts';

const OMIT: Record<string, string> = { npm: '--omit=dev', pnpm: '--prod', yarn: '--production' };

/** The final stage gets the packages of `dependencies` alone, from a stage of their own. */
export const productionDependencies: Rewrite = {
  id: 'production-dependencies',
  title: 'production dependencies only',
  aim: 'size',
  propose(evidence) {
    const { facts, context } = evidence;
    const manifest = context.file('package.json');
    if (manifest === undefined || !hasDevDependencies(manifest)) return [];
    const copy = facts.target.copies.find(
      ({ from, sources }) =>
        from !== undefined && sources.some((source) => /\/node_modules\/?$/.test(source)),
    );
    const found = copy?.from && installOf(copy.from);
    if (copy === undefined || found === undefined) return [];
    const { stage, run, command } = found;
    const omit = OMIT[command.name];
    if (omit === undefined) return [];
    const candidates: Candidate[] = [];
    const own = ownStage(evidence, stage, run, command, omit);
    const from = copy.instruction.from;
    if (own !== undefined && from !== undefined) {
      const at = facts.positions.offsetOf(from.location);
      candidates.push(
        editedDockerfile(
          evidence,
          [own, { start: at, end: at + from.text.length, text: 'deps' }],
          `installs production dependencies in a stage of their own: ${command.name} … ${omit}`,
        ),
      );
    }
    if (command.name !== 'yarn') candidates.push(pruned(evidence, copy.from!, command.name, omit));
    return candidates;
  },
};

function installOf(
  stage: StageFacts,
): { stage: StageFacts; run: RunFacts; command: ShellCommand } | undefined {
  for (const run of stage.runs) {
    const command = run.commands.find((one) => {
      const install = nodeInstall(one, run.state);
      return install !== undefined && !install.omitsDev;
    });
    if (command !== undefined) return { stage, run, command };
  }
  return stage.base && installOf(stage.base);
}

/** A stage `deps` before the final one; undefined where the installation reads the sources. */
function ownStage(
  { facts, context, plan }: OptimiseEvidence,
  stage: StageFacts,
  run: RunFacts,
  command: ShellCommand,
  omit: string,
) {
  const manager = PACKAGE_MANAGERS.find(({ name }) => name === command.name);
  const cwd = run.state.cwd ?? plan.stages.find(({ index }) => index === stage.index)?.config.WorkingDir;
  const isTaken = facts.stages.some(({ text }) => text.name === 'deps');
  if (manager === undefined || cwd === undefined || cwd === '' || isTaken || run.commands.length !== 1)
    return undefined;
  if (manager.readsSources((path) => context.file(path), '')) return undefined;
  const manifests = manager.manifests('').filter((path) => context.has(path));
  const newline = lineEnd(facts.text);
  const { start, end } = placeOf(facts.dockerfile, run.instruction);
  const source = facts.text.slice(start, end).trimEnd();
  const verb = command.words[1] ?? command.words[0]!;
  const at = verb.end - start;
  const lines = [
    `FROM ${stage.text.from.image.text} AS deps`,
    `WORKDIR ${cwd}`,
    `COPY ${manifests.join(' ')} ./`,
    `${source.slice(0, at)} ${omit}${source.slice(at)}`,
    '',
  ];
  const place = blockOf(facts.dockerfile, facts.target.text.from).start;
  return { start: place, end: place, text: lines.map((line) => `${line}${newline}`).join('') };
}

/** Removes development dependencies at the end of the build. */
function pruned(evidence: OptimiseEvidence, build: StageFacts, manager: string, omit: string): Candidate {
  const { facts } = evidence;
  const last = build.text.instructions.at(-1) ?? build.text.from;
  const { end } = placeOf(facts.dockerfile, last);
  const text = `RUN ${manager} prune ${omit}${lineEnd(facts.text)}`;
  return editedDockerfile(
    evidence,
    [{ start: end, end, text }],
    `removes development dependencies after the build: ${manager} prune ${omit}`,
  );
}
