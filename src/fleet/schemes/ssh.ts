import { quote } from '../../fields/shell-quote.ts';
import { dialStdio, programArgument } from '../dial-stdio.ts';
import type { Scheme } from '../link.ts';

/** A machine with `buildkitd` and `buildctl`, reached by `ssh`; a path is that of buildkitd's socket there. */
export const ssh: Scheme = {
  example: 'ssh://USER@HOST',
  parameters: [],
  link(address, environment) {
    const { username, hostname, port } = address;
    const host = programArgument(hostname, address);
    const user = username === '' ? [] : ['-l', programArgument(decodeURIComponent(username), address)];
    const path = decodeURIComponent(address.pathname).replace(/^\/$/, '');
    // Quoted for the shell of the other machine, through which ssh runs the command.
    const socket = path === '' ? [] : ['--addr', quote(`unix://${path}`)];
    return dialStdio(
      [
        ...['ssh', '-o', 'BatchMode=yes', ...user, ...(port === '' ? [] : ['-p', port])],
        ...['--', host, 'buildctl', ...socket, 'dial-stdio'],
      ],
      address,
      environment,
    );
  },
};
