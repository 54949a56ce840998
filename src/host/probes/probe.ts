import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { namespaceWrapper } from '../../launch/setup-lines.ts';
import { namespaceCommand } from '../../machine/namespace.ts';
import { passingReason, type Trial } from '../../machine/shortage.ts';
import { needTool } from '../../machine/tools.ts';
import type { Isolation, RungName, RuntimeName } from '../../protocol/rung.ts';
import { removeTree } from '../../store/remove-tree.ts';

/** The result of a probe: a rung on this machine. */
export interface Rung {
  name: RungName;
  usable: boolean;
  /** Why it is usable or not, and its limits: one line. */
  reason: string;
  /** One shell command that would enable or improve it. */
  remedy?: string;
  /** On the rung `oci`: the runtime that works. */
  runtime?: RuntimeName;
  /** Runtimes that are installed but do not work, each with the reason. */
  problems?: string[];
  /** A temporary shortage, for people. A result with this is not remembered. */
  passing?: string;
}

/** Finds out whether a rung works on this machine, by trying. */
export type Probe = (machine: {
  /** The store's folder, which must exist: overlays are tried on its file system. Absolute path. */
  home: string;
  /** The result of another rung's probe; each runs once. */
  other(name: RungName): Promise<Rung>;
}) => Rung | Promise<Rung>;

const PATIENCE_MS = 10_000;
const PREFIX = 'probe-';
const STALE_MS = 60_000;
const EXIT_SIGNALLED = 128;

/** The outcome of a trial: its standard output, its last error line, and why it ended if not by itself. */
export interface Tried extends Trial {
  output: string;
}

/**
 * Creates a folder on the store's file system, outside `tmp/`: builds of one process share a probe, and the build that
 * started it may end first and delete its temporary files. Also deletes folders that killed processes left.
 *
 * @param home the store's folder
 * @returns absolute path; the caller deletes it
 */
export function probeFolder(home: string): string {
  for (const name of readdirSync(home).filter((one) => one.startsWith(PREFIX))) {
    const path = join(home, name);
    const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - made > STALE_MS) removeTree(path);
  }
  return mkdtempSync(join(home, PREFIX));
}

/** Runs lines of shell script in the namespaces of a RUN. @param folder working directory; absolute */
export function inNamespaces(isolation: Isolation, folder: string, lines: string[]): Promise<Tried> {
  const [program, ...args] = [
    ...namespaceCommand(isolation),
    ...namespaceWrapper('host'),
    ...[needTool('sh'), '-c', lines.join('\n')],
  ] as [string, ...string[]];
  return new Promise((resolve) => {
    // English messages: `passingReason` recognises them.
    const options = { cwd: folder, timeout: PATIENCE_MS, env: { ...process.env, LC_ALL: 'C' } };
    try {
      execFile(program, args, options, (error, output, said) => {
        resolve({ output, complaint: said.trim().split('\n').at(-1) ?? '', cause: causeOf(error) });
      });
    } catch (error) {
      resolve({ output: '', complaint: '', cause: causeOf(error) });
    }
  });
}

/** The outcome of a trial that threw. */
export function failedTrial(error: unknown): { problem: string; passing?: string | undefined } {
  const complaint = (error as Error).message;
  return { problem: complaint, passing: passingReason({ complaint, cause: causeOf(error) }) };
}

/** Why a program could not be started, or did not end by itself. */
function causeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, signal, killed } = error as { code?: string | number; signal?: string; killed?: boolean };
  if (killed) return 'ETIMEDOUT';
  if (typeof code === 'number') return code > EXIT_SIGNALLED ? `signal ${code - EXIT_SIGNALLED}` : undefined;
  return code ?? signal ?? error.message;
}
