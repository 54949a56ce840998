import { defineAdvice } from '../advice.ts';
import { packagesOf } from '../package-installs.ts';
import { baseLocation } from '../stage-facts.ts';

const TOOLS =
  /^(build-essential|build-base|gcc|g\+\+|clang|make|cmake|autoconf|automake|rustc|cargo|golang|go|maven|gradle|alpine-sdk|gcc-c\+\+|dpkg-dev|python3?-dev|libc-dev|libc6-dev|musl-dev)$/;
const SDKS = /^(golang|rust|maven|gradle|gcc|mcr\.microsoft\.com\/dotnet\/sdk|haskell|swift)$/;

export const buildTools = defineAdvice({
  id: 'BuildTools',
  description: 'Compilers and build tools stay in a stage that is not shipped.',
  severity: 'warning',
  confidence: 'likely',
  aliases: [],
  on: 'file',
  check({ stages, target }, report, { positions }) {
    for (const stage of stages.filter(({ ships }) => ships)) {
      for (const { commands } of stage.runs) {
        for (const command of commands) {
          const installed = packagesOf(
            command,
            ['apt-get', 'apt', 'apk', 'yum', 'dnf', 'microdnf'],
            ['install', 'add'],
          );
          const tools =
            installed?.map((name) => name.replace(/[=~<>].*$/, '')).filter((name) => TOOLS.test(name)) ?? [];
          const isRemoved = commands.some(
            ({ name, args, start }) =>
              start > command.start &&
              /^(apk|apt-get|apt|yum|dnf)$/.test(name) &&
              /^(del|purge|remove|autoremove)$/.test(args.find((arg) => !arg.startsWith('-')) ?? ''),
          );
          if (tools.length === 0 || isRemoved) continue;
          report({
            message: `${tools.join(', ')} ${tools.length === 1 ? 'is' : 'are'} shipped with the image`,
            hint: 'Build in a stage of its own, and copy the result; or remove the tools in the same RUN.',
            location: positions.locationOf(command.start),
            stage,
          });
        }
      }
    }
    if (
      !SDKS.test(target.image?.repository ?? '') ||
      (target.final.cmd === undefined && target.final.entrypoint === undefined)
    )
      return;
    report({
      message: `${target.image!.repository} ships a compiler that the program does not need`,
      hint: 'Build in a stage on it, and copy the result into a stage on a small base.',
      location: baseLocation(target),
      stage: target,
    });
  },
});
