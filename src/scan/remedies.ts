import type { Asked } from '../inspect/asked-by.ts';
import type { Package } from '../inspect/package.ts';
import type { Finding } from './match-advisories.ts';

/** The smallest change that removes some findings. */
export interface Remedy {
  kind: /** Take a newer base image. */
    | 'base'
    /** Leave a tool out of the final stage. */
    | 'tool'
    /** Leave development dependencies out. */
    | 'dev'
    /** Take a newer version of a package, or of the one that asks for it. */
    | 'package'
    /** Run the instruction again that installed packages of the distribution. */
    | 'rebuild'
    /** Nothing: there is no version without it. */
    | 'none';
  /** What it is about: a base's name, a package's; empty where there is nothing to name. */
  subject: string;
  /** Of a package: its version, and the one to take. */
  from?: string;
  to?: string;
  /** The file and line to change: of the image, or of the Dockerfile. */
  where?: { path: string; line?: number };
  findings: Finding[];
}

interface Context {
  /** The base image's name, where it is known. */
  base: string | undefined;
  askedBy: (of: Package) => Asked;
}

/** Groups findings by what removes them: what removes most comes first, what nothing removes last. */
export function remediesOf(findings: readonly Finding[], context: Context): Remedy[] {
  const remedies = new Map<string, Remedy>();
  for (const finding of findings) {
    const { findings: _, ...found } = remedyOf(finding, context);
    const key = [found.kind, found.subject, found.from, found.where?.path, found.where?.line].join('\0');
    const known = remedies.get(key);
    if (known === undefined) remedies.set(key, { ...found, findings: [finding] });
    else {
      known.findings.push(finding);
      // Of several fixed versions of one package the newest removes all.
      if (isLater(found.to, known.to, finding)) known.to = found.to!;
    }
  }
  return [...remedies.values()].sort(
    (a, b) => Number(a.kind === 'none') - Number(b.kind === 'none') || b.findings.length - a.findings.length,
  );
}

function remedyOf(finding: Finding, { base, askedBy }: Context): Remedy {
  const { package: one, within, isBase, kind, fixedIn, instruction } = finding;
  const none = { findings: [] };
  if (kind === 'tool') return { kind: 'tool', subject: within?.name ?? toolOf(one) ?? one.name, ...none };
  if (fixedIn === undefined) return { kind: 'none', subject: '', ...none };
  if (isBase) return { kind: 'base', subject: base ?? '', ...none };
  if (one.dev) return { kind: 'dev', subject: '', ...none };
  if (one.type === 'deb' || one.type === 'apk') {
    const { location } = instruction ?? {};
    return {
      kind: 'rebuild',
      subject: instruction?.text ?? '',
      ...(location && { where: { path: location.file, line: location.line } }),
      ...none,
    };
  }
  const subject = within ?? one;
  if (within !== undefined)
    return {
      kind: 'package',
      subject: `${one.name} in /${within.path}`,
      from: one.version,
      to: fixedIn,
      ...none,
    };
  const { chain, asker } = askedBy(subject);
  const direct = chain.at(-1);
  return {
    kind: 'package',
    subject: direct === undefined ? subject.name : `${subject.name}, by ${direct.name}`,
    ...{ from: subject.version, to: fixedIn },
    ...(asker && { where: asker }),
    ...none,
  };
}

/** npm's own modules go with npm. */
function toolOf({ path }: Package): string | undefined {
  return /(?:^|\/)lib\/node_modules\/(npm|corepack|yarn|pnpm)(?:\/|$)/.exec(path)?.[1];
}

function isLater(a: string | undefined, b: string | undefined, { order }: Finding): boolean {
  return a !== undefined && (b === undefined || order.compare(a, b) > 0);
}
