import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_SECONDS = 30;

/**
 * Gives the peer tests a Docker engine: the one that answers already, else, as root where `dockerd` is installed, one
 * of their own with its own folder and socket, which ends with the tests. Without any they are skipped.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env['JETTISON_PEER_DOCKERS'] !== undefined || answers([])) return undefined;
  if (process.getuid?.() !== 0 || !works('dockerd', ['--version'])) return undefined;

  const folder = mkdtempSync(join(tmpdir(), 'jettison-engine-'));
  const socket = `unix://${folder}/docker.sock`;
  const log = openSync(join(folder, 'log'), 'w');
  const engine = spawn(
    'dockerd',
    [
      ...['--data-root', `${folder}/data`, '--exec-root', `${folder}/exec`, '--pidfile', `${folder}/pid`],
      // Containers of tests have no network; a bridge would change that of the machine.
      ...['-H', socket, '--iptables=false', '--bridge=none', '--insecure-registry', '127.0.0.0/8'],
    ],
    { stdio: ['ignore', log, log] },
  );
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    engine.once('exit', () => resolve());
    engine.once('error', () => resolve());
  });
  const end = async () => {
    engine.kill('SIGTERM');
    await ended;
    // One that could not start, e.g. for want of runc, leaves a mount of it.
    works('umount', ['-l', `${folder}/data`]);
    rmSync(folder, { recursive: true, force: true });
  };
  for (const deadline = Date.now() + START_SECONDS * 1000; Date.now() < deadline; await sleep(250)) {
    if (engine.exitCode !== null) break;
    if (!answers(['-H', socket])) continue;
    process.env['JETTISON_PEER_DOCKERS'] = socket;
    return end;
  }
  await end();
  return undefined;
}

function answers(options: string[]): boolean {
  return works('docker', [...options, 'version']);
}

function works(program: string, args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}
