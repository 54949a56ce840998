import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { ELF_MACHINES, formatPlatform, hostPlatform } from '../image/platform.ts';
import type { Platform } from '../image/types.ts';
import type { Plan } from '../plan/plan.ts';

const BINFMT = '/proc/sys/fs/binfmt_misc';
const BIG_ENDIAN = new Set(['s390x']);
/** Offset of `e_machine` in an ELF header. */
const MACHINE_AT = 18;

/**
 * Rejects a plan with a RUN for an architecture that this machine cannot execute. All other steps work for any
 * architecture.
 *
 * @param folder the kernel's list of interpreters (binfmt_misc)
 * @throws JettisonError `PLATFORM_FOREIGN` at the first RUN that cannot be executed
 */
export function checkRunnable(plan: Plan, folder = BINFMT): void {
  const host = hostPlatform();
  for (const stage of plan.stages) {
    const run = stage.steps.find((step) => step.kind === 'run');
    if (run === undefined || isNative(stage.platform, host)) continue;
    const handlers = readHandlers(folder);
    if (handlers?.some((handler) => serves(handler, stage.platform))) continue;
    const wanted = formatPlatform(stage.platform);
    const { location, source } = run;
    throw new JettisonError(
      'PLATFORM_FOREIGN',
      `this machine (${formatPlatform(host)}) cannot run programs for ${wanted}`,
      {
        location,
        source,
        hint:
          handlers === undefined
            ? `Mount binfmt_misc on ${BINFMT}, and register qemu in it; or run this in a stage FROM --platform=$BUILDPLATFORM.`
            : 'Install qemu-user-static with binfmt support; or run this in a stage FROM --platform=$BUILDPLATFORM.',
        details: { platform: wanted },
      },
    );
  }
}

function isNative(wanted: Platform, host: Platform): boolean {
  if (wanted.os !== host.os) return false;
  return (
    wanted.architecture === host.architecture ||
    (host.architecture === 'amd64' && wanted.architecture === '386')
  );
}

/** The registered handlers, if enabled; undefined if the list cannot be read. */
function readHandlers(folder: string): string[] | undefined {
  try {
    const names = readdirSync(folder);
    if (!names.includes('status')) return undefined;
    if (readFileSync(join(folder, 'status'), 'utf8').trim() !== 'enabled') return [];
    return names
      .filter((name) => name !== 'status' && name !== 'register')
      .map((name) => readFileSync(join(folder, name), 'utf8'));
  } catch {
    return undefined;
  }
}

/** Whether a handler is for the architecture, and has flag F (opened at registration): the image lacks the interpreter. */
function serves(handler: string, { os, architecture }: Platform): boolean {
  const machine = ELF_MACHINES[architecture];
  if (os !== 'linux' || machine === undefined) return false;
  if (!handler.startsWith('enabled') || !/^flags: .*F/m.test(handler)) return false;
  const magic = Buffer.from(/^magic ([0-9a-f]+)$/m.exec(handler)?.[1] ?? '', 'hex');
  if (magic.length < MACHINE_AT + 2 || magic.subarray(0, 4).toString('latin1') !== '\x7fELF') return false;
  return (
    (BIG_ENDIAN.has(architecture) ? magic.readUInt16BE(MACHINE_AT) : magic.readUInt16LE(MACHINE_AT)) ===
    machine
  );
}
