import { rmSync, statfsSync } from 'node:fs';
import { release, userInfo } from 'node:os';
import { join } from 'node:path';
import { JettisonError, usageError } from '../../errors/error.ts';
import { visible } from '../../errors/safe-text.ts';
import { style, wantsColor } from '../../errors/style.ts';
import { plural, size } from '../../events/units.ts';
import type { Rung } from '../../host/probes/probe.ts';
import { formatPlatform, hostPlatform } from '../../image/platform.ts';
import type { CommandNetwork } from '../../protocol/exec-request.ts';
import type { RungName } from '../../protocol/rung.ts';
import { openStore, type Store } from '../../store/store.ts';
import { VERSION } from '../../version.ts';
import { defineCommand, type Io } from '../command.ts';
import { toJson } from '../print/template/values.ts';
import { COLUMNS, wrapped } from '../print/wrap.ts';

/** Numbers of statfs(2). */
const FILE_SYSTEMS: Record<number, string> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
  801189825: 'zfs',
  26985: 'nfs',
  16914839: '9p',
  4076150800: 'f2fs',
  1702057286: 'fuse',
};

async function showMachine(store: Store, json: boolean, io: Io): Promise<number> {
  const { examineRungs } = await import('../../host/ladder.ts');
  const { home } = store.layout;
  const examined = await examineRungs(home);
  const facts = {
    ...machineFacts(home),
    registries: await registryFacts(io.env),
    ...examined,
    network: await networkFacts(examined.stands),
  };
  if (json) {
    io.stdout.write(`${toJson(facts, 2)}\n`);
    return 0;
  }
  const { bold } = style(wantsColor(io.stdout, io.env));
  const columns = io.stdout.columns ?? COLUMNS;
  const { store: place, user } = facts;
  const lines: [string, string][] = [
    ['Jettison', facts.jettison],
    ['Node', facts.node],
    ['Kernel', facts.kernel],
    ['Platform', facts.platform],
    ['User', `${user.name} (uid ${user.uid})`],
    ['Store', `${place.path} (${place.fileSystem}, ${size(place.free)} free)`],
  ];
  io.stdout.write(`${bold('Machine')}\n`);
  for (const [name, value] of lines) io.stdout.write(`  ${name.padEnd(10)}${value}\n`);
  const { mirrors, problem } = facts.registries;
  const said = problem === undefined ? mirrors : [`problem: ${problem}`];
  if (said.length > 0) {
    io.stdout.write(
      `\n${bold('Where images are read from')}\n${said.map((line) => below('  ', line, columns)).join('')}`,
    );
  }
  io.stdout.write(`\n${bold('How RUN works here')}\n${describeRungs(facts, io)}`);
  if (facts.stands !== 'none') io.stdout.write(below('', facts.network.note, columns));
  return 0;
}

/** The network of a RUN without `--network`. */
async function networkFacts(rung: RungName): Promise<{ network: CommandNetwork; note: string }> {
  const [{ networkHelper }, { settleNetwork, sharedNetworkNote }] = await Promise.all([
    import('../../machine/network-helper.ts'),
    import('../../machine/default-network.ts'),
  ]);
  const { network, sharesNetwork } = settleNetwork({}, { rung }, 'default');
  const helper = networkHelper();
  const note =
    sharesNetwork === undefined
      ? `RUN has a private network${'name' in helper ? `, connected by ${helper.name}` : ''}.`
      : `${sharedNetworkNote(sharesNetwork)}.`;
  return { network, note };
}

/** Mirrors of registries, from files and variables, in sentences. */
async function registryFacts(env: NodeJS.ProcessEnv): Promise<{ mirrors: string[]; problem?: string }> {
  try {
    const { RegistryConfig } = await import('../../registry/registry-config.ts');
    return { mirrors: await (await RegistryConfig.load(env, false)).describe() };
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    return { mirrors: [], problem: error.message };
  }
}

function machineFacts(home: string) {
  const { username, uid } = userInfo();
  const { type, bavail, bsize } = statfsSync(home);
  return {
    jettison: VERSION,
    node: process.version,
    kernel: `${process.platform} ${release()}`,
    platform: formatPlatform(hostPlatform()),
    user: { name: username, uid },
    store: {
      path: home,
      fileSystem: FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`,
      free: bavail * bsize,
    },
  };
}

function describeRungs(
  { rungs, stands, before }: { rungs: Rung[]; stands: Rung['name']; before?: Rung['name'] },
  io: Io,
): string {
  const { bold, dim, green, red } = style(wantsColor(io.stdout, io.env));
  const columns = io.stdout.columns ?? COLUMNS;
  const width = Math.max(...rungs.map(({ name }) => name.length)) + 2;
  const chosen = rungs.find(({ name }) => name === stands);
  const text = rungs.map((rung) => {
    const mark = rung.usable ? green('✓') : red('✗');
    const name = rung === chosen ? bold(rung.name.padEnd(width)) : rung.name.padEnd(width);
    const blank = ' '.repeat('  ✓ '.length + width);
    const remedy = rung.remedy === undefined ? '' : below(`${blank}try: `, rung.remedy, columns);
    return (
      below(blank, rung.reason, columns).replace(blank, `  ${mark} ${name}`) +
      remedy.replace('try:', dim('try:'))
    );
  });
  const verdict =
    stands === 'none'
      ? 'RUN does not work on this machine; everything else does.'
      : `This machine uses the rung "${stands}".`;
  const passing = rungs.find((rung) => rung.passing !== undefined)?.passing;
  const memory =
    before === undefined
      ? ''
      : before === stands
        ? 'This is an earlier result; it cannot be checked at the moment.'
        : `Builds used the rung "${before}" until now.`;
  const shortage =
    passing === undefined ? '' : `There is a temporary shortage: ${passing}. The next build tries again.`;
  return `${text.join('')}\n${verdict}\n${below('', memory, columns)}${below('', shortage, columns)}`;
}

/** A head with wrapped text, indented below the head. Long words are not broken. */
function below(head: string, text: string, columns: number): string {
  if (text === '') return '';
  return `${wrapped(head + text, ' '.repeat(head.length), columns).join('\n')}\n`;
}

const REPAIR = `Builds make damaged layers and records again when they need them. To repair everything now:
  jettison doctor --store --repair
To drop all build cache instead: jettison builder prune --all
`;

async function checkStore(
  store: Store,
  { deep, repair, json }: { deep: boolean; repair: boolean; json: boolean },
  io: Io,
): Promise<number> {
  const [{ verifyStore }, { BuildStore }, { OnDemandWorker }] = await Promise.all([
    import('../../store/verify.ts'),
    import('../../history/build-store.ts'),
    import('../../build/on-demand.ts'),
  ]);
  const waits = () => io.stderr.write('waiting for running builds to end\n');
  const end = repair ? await store.leases.prune(waits, io.signal) : await store.leases.use(io.signal);
  const worker = new OnDemandWorker(store, 'auto');
  try {
    const report = await verifyStore(store, {
      deep,
      checkDirectories: async (layer) => (await worker.get()).checkDirectories({ layer }),
      remove: repair ? async (paths) => (await worker.get()).remove({ paths }) : undefined,
    });
    const { problems, repairs, incomplete } = report;
    for (const path of new BuildStore(store.layout).damaged()) {
      problems.push(`the build on record ${path} is damaged`);
      if (!repair) continue;
      rmSync(join(store.layout.builds, path), { force: true });
      repairs.push(`removed builds/${path}`);
    }
    const isMended = repair && incomplete.length === 0 && repairs.length >= problems.length;
    const code = problems.length === 0 || isMended ? 0 : 1;
    if (json) {
      io.stdout.write(`${toJson(report, 2)}\n`);
      return code;
    }
    for (const problem of problems) io.stdout.write(`problem: ${visible(problem)}\n`);
    for (const done of repairs) io.stdout.write(`repair: ${visible(done)}\n`);
    for (const image of incomplete) {
      io.stdout.write(`incomplete: the image ${image} has to be pulled, loaded or built again\n`);
    }
    if (report.unreadable > 0) {
      io.stdout.write(`${plural(report.unreadable, 'file')} of other users could not be read\n`);
    }
    if (report.outdated > 0) {
      io.stdout.write(
        `${plural(report.outdated, 'layer')} of an earlier version: \`jettison builder prune --all\` frees the room\n`,
      );
    }
    if (report.leftovers > 0) {
      io.stdout.write(
        `${plural(report.leftovers, 'temporary folder')} of dead processes: the next build deletes ${report.leftovers === 1 ? 'it' : 'them'}\n`,
      );
    }
    if (report.indexBehind && !repair) {
      io.stdout.write(
        'index.json is older than the image names: the next image that gets a name writes it again\n',
      );
    }
    const checked = [
      plural(report.images, 'image'),
      plural(report.layers, 'layer'),
      plural(report.blobs, 'blob'),
      plural(report.records, 'step record'),
    ].join(', ');
    const found =
      problems.length === 0
        ? 'nothing is wrong'
        : `${plural(problems.length, 'problem')} found${repair ? `, ${repairs.length} repaired` : ''}`;
    io.stdout.write(`${store.layout.home}: ${checked}: ${found}\n`);
    if (problems.length > 0 && !repair) io.stdout.write(REPAIR);
    return code;
  } finally {
    await worker.close();
    end();
  }
}

export const command = defineCommand({
  usage: 'jettison doctor [OPTIONS]',
  about: 'Shows the machine, and how RUN instructions run on it: the first usable way is taken.',
  flags: {
    json: { help: 'Print everything as JSON' },
    store: {
      help:
        'Check the whole store instead: every digest, image, layer, file and record (exit code 1 if something is ' +
        'wrong)',
    },
    deep: { help: 'With --store: unpack every packed layer, too, and compare it with its diff id' },
    repair: {
      help:
        'With --store: repair damage, and say which images to pull or build again (exit code 0 when nothing is left ' +
        'to do); waits for running builds',
    },
  },
  async run({ flags, io }) {
    const { deep, repair, json } = flags;
    if (!flags.store && (deep || repair)) {
      throw usageError(`--${deep ? 'deep' : 'repair'} needs --store`, 'Add --store.');
    }
    const store = openStore({ env: io.env });
    try {
      return flags.store
        ? await checkStore(store, { deep, repair, json }, io)
        : await showMachine(store, json, io);
    } finally {
      store.close();
    }
  },
});
