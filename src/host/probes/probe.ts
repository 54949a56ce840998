import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { namespaceWrapper } from '../../launch/setup-lines.ts';
import { namespaceCommand } from '../../machine/namespace.ts';
import { passingReason, type Trial } from '../../machine/shortage.ts';
import { needTool } from '../../machine/tools.ts';
import type { Isolation, RungName, RuntimeName } from '../../protocol/rung.ts';

/** One way of running commands, as this machine has it. */
export interface Rung {
  name: RungName;
  usable: boolean;
  /** Why it is usable or not, and what it costs: one line. */
  reason: string;
  /** The one command that would enable or improve it. */
  remedy?: string;
  /** On the rung `oci`: the runtime that works. */
  runtime?: RuntimeName;
  /** What is installed for it and does not work, and why. */
  problems?: string[];
  /** A shortage that may be over next time, for people: what is said here is not to be remembered. */
  passing?: string;
}

/** Finds out whether a rung works on this machine, by trying. */
export type Probe = (machine: {
  /** The store's folder, which must exist: overlays are tried on its file system. Absolute path. */
  home: string;
  /** The outcome of another rung's probe: each is tried once. */
  other(name: RungName): Promise<Rung>;
}) => Rung | Promise<Rung>;

const PATIENCE_MS = 10_000;
const PREFIX = 'probe-';
const STALE_MS = 60_000;
const EXIT_SIGNALLED = 128;

/** The outcome of a trial: what it printed, and how it ended if not by itself. */
export interface Tried extends Trial {
  output: string;
}

/**
 * On the file system of the store, but not among the temporary files of a build: builds of one process share a probe,
 * and the one that began it may end first. What a killed process left is deleted here.
 */
export function probeFolder(home: string): string {
  for (const name of readdirSync(home).filter((one) => one.startsWith(PREFIX))) {
    const path = join(home, name);
    const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - made > STALE_MS) rmSync(path, { recursive: true, force: true });
  }
  return mkdtempSync(join(home, PREFIX));
}

/** Runs lines of shell script in the namespaces of a run. @param folder where; absolute */
export function inNamespaces(isolation: Isolation, folder: string, lines: string[]): Promise<Tried> {
  const [program, ...args] = [
    ...namespaceCommand(isolation),
    ...namespaceWrapper('host'),
    ...[needTool('sh'), '-c', lines.join('\n')],
  ] as [string, ...string[]];
  return new Promise((resolve) => {
    // In a language whose complaints are known.
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
