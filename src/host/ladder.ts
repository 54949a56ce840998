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

/** `rungs.json` of a store: the result of the last probes, and the machine state they depend on. */
interface Remembered {
  /** Digest of everything that the results depend on. */
  machine: string;
  rungs: Rung[];
}

/** The chosen rung, and the messages about the choice. */
export interface ChosenMode extends WorkerMode {
  /** Why no command can run here, if so; for people. */
  unable?: { reason: string; hint?: string };
  /** Notes to the user about the choice; empty when it comes from `rungs.json`. */
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
 * Chooses the requested rung, or else the best one that works here. Probes run once, and again when the machine
 * has changed.
 *
 * @param home the store's folder, which must exist
 * @throws JettisonError `RUNG_UNUSABLE` when the requested rung does not work here
 */
export async function chooseMode(choice: RungChoice, home: string): Promise<ChosenMode> {
  if (choice === 'none') {
    const unable = { reason: '--isolation none was given' };
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
      : [
          `the rung ${name} is skipped because of a temporary shortage (${passing}): the next build tries it again`,
        ]),
  ];
}

function modeOf({ name, runtime }: Rung): WorkerMode {
  const isolation = RUNGS[name].mounts ? chooseIsolation() : 'none';
  return { isolation, rung: name, ...(runtime === undefined ? {} : { runtime }) };
}

/** Why nothing better than `none` works: the reason of `namespaces`, which needs the least of the machine. */
function inabilityOf(rungs: Rung[]): { reason: string; hint?: string } {
  const { reason, remedy, passing } = rungs.find(({ name }) => name === 'namespaces')!;
  if (passing !== undefined) {
    return { reason, hint: 'Build again when the shortage is over: every build tries again.' };
  }
  return { reason, ...(remedy === undefined ? {} : { hint: remedy }) };
}

function unusable({ name, reason, remedy }: Rung): JettisonError {
  return new JettisonError('RUNG_UNUSABLE', `--isolation ${name} does not work here: ${reason}`, {
    hint: remedy ?? '`jettison doctor` shows which rungs work.',
  });
}

/** Deletes the remembered results, which have turned out to be wrong. */
export function forgetRungs(home: string): void {
  remember(home, { machine: '', rungs: [] });
}

/**
 * Probes all rungs now, for `doctor`, and remembers definite results for builds.
 *
 * @returns `before`: the rung that builds used until now, if it differs
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
  // A temporary shortage does not replace an earlier result.
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
  // Only definite results: once a shortage is over, a better rung may work.
  if (rungs.every(({ passing }) => passing === undefined)) remember(home, { machine, rungs });
  return { rungs, fresh: true };
}

function remember(home: string, remembered: Remembered): void {
  const layout = new StoreLayout(home);
  writeWhole(layout, layout.rungs, recordText(remembered));
}

/** Digest of the settings that decide which rungs work. Computed at every build, so it reads only fast sources. */
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
      // Distinguishes containers: they share a kernel, and may share a store.
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
