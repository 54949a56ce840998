import { readlinkSync, statfsSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { JettisonError } from '../errors/error.ts';
import { canonicalJson, sha256 } from '../image/digest.ts';
import { readText } from '../machine/kernel.ts';
import { chooseIsolation } from '../machine/namespace.ts';
import { findTool, type ToolName } from '../machine/tools.ts';
import { RUNGS, type RungChoice, type RungName, type WorkerMode } from '../protocol/rung.ts';
import { StoreLayout } from '../store/layout.ts';
import { readRecord, recordText } from '../store/record-file.ts';
import { writeWhole } from '../store/temporary.ts';
import { chrootProblem } from './probes/chroot.ts';
import type { Rung } from './probes/probe.ts';
import { probeRungs } from './rungs.ts';

/** `rungs.json` of a store: what was found when it was tried last, and on what. */
interface Remembered {
  /** Digest of everything that the outcome depends on. */
  machine: string;
  rungs: Rung[];
}

/** What a build stands on, and how that came about. */
export interface ChosenMode extends WorkerMode {
  /** Why no command can be run, if so: for people. */
  unable?: { reason: string; hint?: string };
  /** What people should know of the choice; empty when it was made before. */
  notes: string[];
}

const TOOLS: ToolName[] = ['crun', 'runc', 'unshare', 'mount', 'setpriv', 'newuidmap', 'newgidmap'];
const SETTINGS = [
  '/proc/self/attr/current',
  '/proc/sys/user/max_user_namespaces',
  '/proc/sys/kernel/unprivileged_userns_clone',
  '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
  '/etc/subuid',
  '/etc/subgid',
];

/**
 * Chooses a rung: the best that works here, or the one that was asked for. What works is tried once, and tried
 * again when the machine has changed.
 *
 * @param home the store's folder, which must exist
 * @throws JettisonError `RUNG_UNUSABLE` when the one that was asked for does not work
 */
export async function chooseMode(choice: RungChoice, home: string): Promise<ChosenMode> {
  if (choice === 'none') {
    const unable = { reason: 'the build was asked not to (--isolation none)' };
    return { isolation: 'none', rung: 'none', unable, notes: [] };
  }
  if (choice === 'namespaces') return { isolation: chooseIsolation(), rung: choice, notes: [] };
  const { rungs, fresh } = await rememberedRungs(home);
  if (choice !== 'auto') {
    const rung = rungs.find(({ name }) => name === choice)!;
    if (!rung.usable) throw unusable(rung);
    return { ...modeOf(rung), notes: [] };
  }
  const best = rungs.find(({ usable }) => usable)!;
  const tried = rungs.slice(0, rungs.indexOf(best) + 1);
  return {
    ...modeOf(best),
    ...(best.name === 'none' ? { unable: inabilityOf(rungs) } : {}),
    notes: fresh ? tried.flatMap(notesOf) : [],
  };
}

function notesOf({ name, usable, problems = [], passing, reason }: Rung): string[] {
  if (passing === undefined) return problems;
  const said = problems.length > 0 ? problems : [reason];
  return [
    ...said,
    ...(usable
      ? []
      : [`the rung ${name} is not taken for a passing shortage, ${passing}: the next build tries it again`]),
  ];
}

function modeOf({ name, runtime }: Rung): WorkerMode {
  const isolation = RUNGS[name].mounts ? chooseIsolation() : 'none';
  return { isolation, rung: name, ...(runtime === undefined ? {} : { runtime }) };
}

/** Why nothing better than `none` works: what the rung that needs least of the machine says. */
function inabilityOf(rungs: Rung[]): { reason: string; hint?: string } {
  const { reason, remedy, passing } = rungs.find(({ name }) => name === 'namespaces')!;
  if (passing !== undefined) {
    return { reason, hint: 'Build again when that has passed: it is tried anew each time.' };
  }
  return { reason, ...(remedy === undefined ? {} : { hint: remedy }) };
}

function unusable({ name, reason, remedy }: Rung): JettisonError {
  return new JettisonError('RUNG_UNUSABLE', `--isolation ${name} does not work here: ${reason}`, {
    hint: remedy ?? '`jettison doctor` says what does.',
  });
}

/** Forgets what was found: it has turned out to be wrong. */
export function forgetRungs(home: string): void {
  remember(home, { machine: '', rungs: [] });
}

/**
 * What `doctor` says of the rungs: they are tried now, and what is definite is remembered for builds.
 *
 * @returns `before`: the rung that builds stood on until now, where that was another one
 */
export async function examineRungs(
  home: string,
): Promise<{ rungs: Rung[]; stands: RungName; before?: RungName }> {
  const machine = machineDigest(home);
  const known = readRecord<Remembered>(new StoreLayout(home).rungs);
  const remembered = known?.machine === machine ? bestOf(known.rungs) : undefined;
  const rungs = await probeRungs(home);
  const best = bestOf(rungs);
  const isDefinite = rungs.every(({ passing }) => passing === undefined);
  if (isDefinite) remember(home, { machine, rungs });
  // A shortage takes nothing away that was found before.
  const stands = isDefinite ? best : (remembered ?? best);
  return {
    rungs,
    stands,
    ...(remembered === undefined || remembered === best ? {} : { before: remembered }),
  };
}

function bestOf(rungs: readonly Rung[]): RungName {
  return rungs.find(({ usable }) => usable)!.name;
}

async function rememberedRungs(home: string): Promise<{ rungs: Rung[]; fresh: boolean }> {
  const machine = machineDigest(home);
  const known = readRecord<Remembered>(new StoreLayout(home).rungs);
  if (known?.machine === machine) return { rungs: known.rungs, fresh: false };
  const rungs = await probeRungs(home);
  // Only definite answers: with a shortage that has passed, a better rung may work.
  if (rungs.every(({ passing }) => passing === undefined)) remember(home, { machine, rungs });
  return { rungs, fresh: true };
}

function remember(home: string, remembered: Remembered): void {
  const layout = new StoreLayout(home);
  writeWhole(layout, layout.rungs, recordText(remembered));
}

/** Digest of what decides which rungs work; computed anew each time, so nothing slow is in it. */
function machineDigest(home: string): string {
  const tools = TOOLS.map((name) => {
    const path = findTool(name);
    const stat = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
    return [path ?? '', stat?.size ?? 0, stat?.mtimeMs ?? 0];
  });
  const status = readText('/proc/self/status').match(/^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):.*$/gm) ?? [];
  return sha256(
    canonicalJson({
      tools,
      status,
      kernel: release(),
      fileSystem: statfsSync(home).type,
      // Containers share a kernel, and may share a store.
      namespace: readLink('/proc/self/ns/user'),
      settings: SETTINGS.map(readText),
      chroot: chrootProblem(home)?.reason ?? null,
    }),
  );
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
