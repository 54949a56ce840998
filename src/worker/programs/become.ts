/**
 * Turns this process into a command: `become.js SETTINGS COUNT COMMAND ARGUMENT...`, with the command's root as the
 * working directory and its COUNT variables as `carriers` in the environment. On the rung chroot, and on machines for
 * which `call-program.ts` has no code.
 */

import { accessSync, constants, fchownSync, fstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BecomeSettings } from '../../launch/become-script.ts';
import { carried } from '../../launch/environment.ts';
import {
  changeRoot,
  closeOnExec,
  dieWithParent,
  dropInheritable,
  execute,
  joinNewKeyring,
  keepCapabilities,
  leadSession,
  limitResource,
  obeySignals,
  refuseNewPrivileges,
  setFilter,
  setUser,
} from '../native.ts';

const [settings, count, command, ...args] = process.argv.slice(2) as [string, string, string, ...string[]];
const { cwd, uid, handedOver = [], capabilities, filter, further } = JSON.parse(settings) as BecomeSettings;
const variables = carried(Number(count));

try {
  if (further?.leadsTerminal) leadSession(0);
  joinNewKeyring();
  for (const fd of handedOver) fchownSync(fd, uid, fstatSync(fd).gid);
  keepCapabilities(capabilities);
  if (further !== undefined) {
    dropInheritable();
    for (const { name, soft, hard } of further.ulimits) limitResource(name, soft, hard);
  }
  changeRoot('.');
  process.chdir(cwd);
  if (further !== undefined) {
    process.setgroups!(further.groups);
    process.setgid!(further.gid);
  }
  // Before changing the user, who may lack the right to set a filter.
  if (filter !== undefined && further === undefined) setFilter(Buffer.from(filter, 'base64'));
  if (uid !== 0) setUser(uid);
  if (further?.noNewPrivileges) refuseNewPrivileges();
  // After changing the user, which clears the death signal.
  if (further !== undefined) dieWithParent();
  obeySignals();
  // Node sets close-on-exec on them.
  for (const fd of [0, 1, 2]) closeOnExec(fd, false);
  // Needs no_new_privs or CAP_SYS_ADMIN; without either, only the surrounding container's filter applies.
  if (filter !== undefined && further !== undefined) setFilter(Buffer.from(filter, 'base64'), true);
} catch (error) {
  fail((error as Error).message, 125);
}
start();

/** Executes the command in place of this process, with the lookup rules of execvp(3). */
function start(): never {
  let reason: 'ENOENT' | 'EACCES' = 'ENOENT';
  for (const path of candidates()) {
    try {
      accessSync(path, constants.X_OK);
      if (!statSync(path).isFile()) throw Object.assign(new Error(), { code: 'EACCES' });
      execute(path, [command, ...args], variables);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOEXEC') execute('/bin/sh', ['/bin/sh', path, ...args], variables);
      if (code === 'EACCES') reason = code;
      else if (code !== 'ENOENT' && code !== 'ENOTDIR')
        fail(`exec: "${command}": ${(error as Error).message}`, 126);
    }
  }
  if (reason === 'EACCES') fail(`exec: "${command}": permission denied`, 126);
  fail(`exec: "${command}": no such file or directory`, 127);
}

function candidates(): string[] {
  if (command.includes('/')) return [command];
  const path = variables.findLast((variable) => variable.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  return path.split(':').map((folder) => join(folder || '.', command));
}

function fail(message: string, code: number): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
