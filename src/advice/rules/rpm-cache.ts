import { defineAdvice } from '../advice.ts';
import { appendCommand, wordOf } from '../command-edits.ts';
import { deletesLater, isMounted } from '../package-installs.ts';

const PROGRAMS: Record<string, { folder: string; clean: string }> = {
  yum: { folder: '/var/cache/yum', clean: 'yum clean all' },
  dnf: { folder: '/var/cache/dnf', clean: 'dnf clean all' },
  microdnf: { folder: '/var/cache/yum', clean: 'microdnf clean all' },
  zypper: { folder: '/var/cache/zypp', clean: 'zypper clean' },
};

export const rpmCache = defineAdvice({
  id: 'RpmCache',
  description: 'dnf, yum and zypper leave no downloads in the image.',
  severity: 'warning',
  confidence: 'certain',
  aliases: ['DL3032', 'DL3036', 'DL3040'],
  on: 'command',
  check({ command, run, stage }, report, evidence) {
    const manager = Object.hasOwn(PROGRAMS, command.name) ? PROGRAMS[command.name] : undefined;
    const verb = wordOf(command, 'install') ?? wordOf(command, 'in');
    if (!stage.ships || manager === undefined || verb === undefined) return;
    if (isMounted(run, manager.folder) || deletesLater(run, command, '/var/cache')) return;
    const isCleaned = run.commands.some(
      ({ name, args, start }) =>
        start > command.start && name in PROGRAMS && args.some((arg) => /^(clean|cc)$/.test(arg)),
    );
    if (isCleaned) return;
    const fix = appendCommand(evidence, run, manager.clean);
    report({
      message: `${command.name} keeps its lists and packages in the image`,
      hint: `End this RUN with: && ${manager.clean}`,
      location: evidence.positions.locationOf(command.start),
      stage,
      ...(fix !== undefined && { fix }),
    });
  },
});
