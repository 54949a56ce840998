import { compilePattern } from '../../context/pattern.ts';
import { printDockerfile } from '../../dockerfile/parse.ts';
import type { CopyStep } from '../../plan/plan.ts';
import type { Proposer, Subject } from './proposal.ts';

/** Files about the repository, which programs hardly read. */
const ABOUT = [
  '.github',
  '.gitlab-ci.yml',
  '.circleci',
  '.vscode',
  '.idea',
  '.editorconfig',
  '.gitignore',
  '.gitattributes',
  '.dockerignore',
  'Dockerfile',
  'Dockerfile.*',
  'docker-compose*.yml',
  'compose*.yaml',
  '**/*.md',
  'LICENSE*',
];

/** The folder `.git` is another one after each commit. */
export const ignoreGit: Proposer = {
  id: 'ignore-git',
  saves: 'runs',
  propose: (subject) => ignoring(subject, ['.git']),
};

/** Texts about the repository that a `COPY . .` takes along. */
export const ignoreTexts: Proposer = {
  id: 'ignore-texts',
  saves: 'runs',
  propose: (subject) => ignoring(subject, ABOUT),
};

function ignoring(subject: Subject, patterns: readonly string[]) {
  const added = patterns.filter((pattern) => {
    const covers = coverage(pattern);
    return subject.causes.some(({ path }) => covers(path)) && !isNamed(subject, covers);
  });
  if (added.length === 0) return undefined;
  const { ignoreText = '', dockerfile } = subject;
  const end = ignoreText === '' || ignoreText.endsWith('\n') ? '' : '\n';
  return {
    summary: `adds ${added.join(', ')} to the ignore file`,
    dockerfile: printDockerfile(dockerfile),
    ignoreText: `${ignoreText}${end}${added.join('\n')}\n`,
  };
}

/** A pattern covers what it matches, and all below it. */
function coverage(pattern: string): (path: string) => boolean {
  const { matches } = compilePattern(pattern);
  return (path) => path.split('/').some((_, i, parts) => matches(parts.slice(0, i + 1).join('/')));
}

/** Whether an instruction asks for such a file by its name. */
function isNamed({ plan }: Subject, covers: (path: string) => boolean): boolean {
  const copies = plan.stages.flatMap(({ steps }) =>
    steps.filter((step): step is CopyStep => step.kind === 'copy'),
  );
  const mounts = plan.stages.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.kind === 'run' ? step.mounts : [])),
  );
  const sources = [
    ...copies.filter(({ from }) => from.kind === 'context').flatMap(({ sources }) => sources),
    ...mounts.flatMap((mount) =>
      mount.type === 'bind' && mount.from.kind === 'context' ? [mount.source] : [],
    ),
  ];
  return sources.some((source) => covers(source.replace(/^(\.?\/)+/, '')));
}
