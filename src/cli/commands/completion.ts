import { usageError } from '../../errors/error.ts';
import { type Command, type CommandTable, defineCommand } from '../command.ts';
import { bashScript } from '../completion/bash.ts';
import { fishScript } from '../completion/fish.ts';
import { SHELLS } from '../completion/offer.ts';
import { zshScript } from '../completion/zsh.ts';
import { everyCommand } from '../every-command.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** The command `completion`. The table of commands is a parameter, since that table imports this module. */
export function completionOf(commands: CommandTable): { command: Command } {
  const command = defineCommand({
    usage: 'jettison completion SHELL',
    about: `Prints a script that makes a shell complete commands, flags, their values, and the names of images and
containers. SHELL is bash, zsh or fish.`,
    examples: [
      'source <(jettison completion bash)',
      'jettison completion zsh > "${fpath[1]}/_jettison"',
      'jettison completion fish > ~/.config/fish/completions/jettison.fish',
    ],
    async run({ args, io }) {
      const shell = SHELLS.find((one) => one === args[0]);
      if (shell === undefined)
        throw usageError(`unknown shell "${args[0]}"`, `The shells are ${SHELLS.join(', ')}.`);
      io.stdout.write(SCRIPTS[shell](await everyCommand(commands)));
      return 0;
    },
  });
  return { command };
}
