/** Gives the terminal on standard input back to the process group that this process was started in. */

import { takeTerminal } from './native.ts';

takeTerminal(0);
