import { defineAdvice } from '../advice.ts';

/** Official images whose programs run as root unless USER says otherwise, and need not. */
const ROOT =
  /^(node|python|ruby|golang|rust|openjdk|eclipse-temurin|amazoncorretto|alpine|debian|ubuntu|busybox|php|perl|elixir|erlang|oven\/bun|denoland\/deno|bitnami\/minideb|fedora|rockylinux|almalinux|amazonlinux)$/;

export const runAsRoot = defineAdvice({
  id: 'RunAsRoot',
  description: 'The program of the image does not run as root.',
  severity: 'warning',
  confidence: 'likely',
  aliases: ['DL3002'],
  on: 'file',
  check({ target }, report) {
    const { user, userInstruction, cmd, entrypoint } = target.final;
    const name = user.replace(/:.*$/, '');
    if (userInstruction !== undefined) {
      if (name !== 'root' && name !== '0') return;
      report({
        message: `the last USER is ${name}: the program runs as root`,
        hint: 'End with a USER that is not root.',
        location: userInstruction.location,
        stage: target,
      });
      return;
    }
    // An image that starts nothing is not a service; an entry point of its own may drop its rights.
    const started = entrypoint ?? cmd;
    if (started === undefined || !ROOT.test(target.image?.repository ?? '')) return;
    const program = started.command.form === 'exec' ? (started.command.args[0] ?? '') : '';
    const dropsRights = /\.sh$|entrypoint|gosu|su-exec|setpriv|tini|dumb-init|s6|supervisord/.test(program);
    report({
      message: 'no USER: the program runs as root',
      hint:
        target.image?.repository === 'node'
          ? 'Write USER 1000: the account "node" of this base.'
          : 'Create an account, and write USER with its number.',
      location: started.location,
      stage: target,
      ...(dropsRights && { severity: 'info' as const }),
    });
  },
});
