import type { Recipe, Step } from './image-recipe.ts';

/** The text of a Dockerfile: a comment of one line above each choice. */
export function dockerfileText({ description, args, stages }: Recipe): string {
  const head = ['# syntax=docker/dockerfile:1', `# ${oneLine(description)}`, ...args.flatMap(lines)];
  const parts = stages.map(({ comment, from, name, steps }) =>
    [`# ${name}: ${oneLine(comment)}`, `FROM ${from} AS ${name}`, ...steps.flatMap(lines)].join('\n'),
  );
  return `${[head.join('\n'), ...parts].join('\n\n')}\n`;
}

function lines({ comment, text }: Step): string[] {
  return [...(comment === undefined ? [] : [`# ${oneLine(comment)}`]), text];
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** `RUN` with its mounts, one a line. */
export function runText(mounts: readonly string[], command: string): string {
  return `RUN ${[...mounts.map((mount) => `--mount=${mount}`), command].join(' \\\n    ')}`;
}

/** A path in an instruction that splits its line at spaces. */
export function copyText(sources: readonly string[], target: string, from?: string): string {
  const flag = from === undefined ? '' : `--from=${from} `;
  const paths = [...sources, target];
  if (paths.some((path) => /[\s"'\\$#[\]]/.test(path))) {
    return `COPY ${flag}${JSON.stringify(paths.map((path) => path.replaceAll('$', '\\$')))}`;
  }
  return `COPY ${flag}${paths.join(' ')}`;
}
