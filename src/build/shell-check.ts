import { execFile } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import type { AdviceSeverity } from '../advice/advice.ts';
import type { LintFinding } from '../advice/advise.ts';
import type { DockerfileFacts, RunFacts, StageFacts } from '../advice/stage-facts.ts';
import { jsonOf } from '../fields/json-values.ts';

/** Milliseconds after which nobody waits for it. */
const LONGEST = 30_000;
const MOST_OUTPUT = 16 << 20;
/** Files that a script reads are not there; a `#!` line is not either. */
const LEFT_OUT = 'SC1090,SC1091,SC2148';
const SHELLS = ['sh', 'bash', 'dash', 'ksh'];
/** Lines before the script. */
const HEAD_LINES = 1;

interface Script {
  run: RunFacts & { script: NonNullable<RunFacts['script']> };
  stage: StageFacts;
  name: string;
  shell: string;
}

/** Looks for `shellcheck` in PATH. */
export function findShellCheck({ PATH = '' }: NodeJS.ProcessEnv): string | undefined {
  const paths = PATH.split(delimiter).flatMap((folder) =>
    isAbsolute(folder) ? join(folder, 'shellcheck') : [],
  );
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * What shellcheck finds in the scripts of RUN, under its own codes (`SC2086`). Nothing where it fails or takes too long.
 *
 * @param program its path
 */
export async function shellFindings(
  { stages, text, positions }: DockerfileFacts,
  program: string,
  signal?: AbortSignal,
): Promise<LintFinding[]> {
  const scripts = stages.flatMap((stage) =>
    stage.runs.flatMap(({ script, ...run }, at): Script | Script[] => {
      if (script === undefined) return [];
      const shell = run.state.shell?.[0]?.replace(/^.*\//, '') ?? 'sh';
      const name = `${stage.index}-${at}.sh`;
      return SHELLS.includes(shell) ? { run: { ...run, script }, stage, name, shell } : [];
    }),
  );
  const folder = mkdtempSync(join(tmpdir(), 'jettison-shell-'));
  try {
    const found: LintFinding[] = [];
    for (const shell of new Set(scripts.map((one) => one.shell))) {
      const own = scripts.filter((one) => one.shell === shell);
      for (const { name, run } of own) writeFileSync(join(folder, name), scriptText(run, text));
      const names = own.map(({ name }) => name);
      const args = ['--format=json', '--norc', `--shell=${shell}`, `--exclude=${LEFT_OUT}`, ...names];
      for (const comment of await commentsOf(program, args, folder, signal)) {
        const script = own.find(({ name }) => name === comment.file);
        if (script === undefined || comment.line <= HEAD_LINES) continue;
        const { run, stage } = script;
        const start = positions.locationOf(run.script.start);
        const line = comment.line - HEAD_LINES - 1;
        found.push({
          code: `SC${comment.code}`,
          message: comment.message.replace(/\.$/, ''),
          hint: `https://www.shellcheck.net/wiki/SC${comment.code} says why.`,
          severity: severityOf(comment.level),
          location: {
            file: start.file,
            line: start.line + line,
            column: line === 0 ? start.column + comment.column - 1 : comment.column,
          },
          stage: stage.index,
          stageName: stage.label,
        });
      }
    }
    return found;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The script, a line of it a line of the Dockerfile; what the Dockerfile skips between them is skipped here, too. */
function scriptText({ script, instruction, state }: Script['run'], text: string): string {
  const names = [...state.env.keys()].filter((name) => /^[A-Za-z_]\w*$/.test(name));
  const head = names.length === 0 ? ':' : `export ${names.map((name) => `${name}=1`).join(' ')}`;
  const lines = text.slice(script.start, script.end).split(/\r?\n/);
  const isHeredoc = instruction.heredocs.length > 0;
  const body = lines.map((line, at) => (at > 0 && !isHeredoc && /^\s*(#|$)/.test(line) ? '\\' : line));
  return `${head}\n${body.join('\n')}\n`;
}

interface Comment {
  file: string;
  line: number;
  column: number;
  level: string;
  code: number;
  message: string;
}

function commentsOf(program: string, args: string[], cwd: string, signal?: AbortSignal): Promise<Comment[]> {
  return new Promise((resolve) => {
    const options = { cwd, timeout: LONGEST, maxBuffer: MOST_OUTPUT, ...(signal && { signal }) };
    execFile(program, args, options, (_error, stdout) => {
      const comments = jsonOf(stdout);
      resolve(Array.isArray(comments) ? comments.filter(isComment) : []);
    });
  });
}

function isComment(value: unknown): value is Comment {
  const { file, line, column, level, code, message } = (value ?? {}) as Record<string, unknown>;
  return (
    [line, column, code].every(Number.isInteger) &&
    [file, level, message].every((one) => typeof one === 'string')
  );
}

/** `style` is about taste. */
function severityOf(level: string): AdviceSeverity {
  return level === 'error' || level === 'warning' ? level : 'info';
}
