import { satisfies, validRange } from 'semver';
import { EXIT, JettisonError } from '../errors/error.ts';
import type { BaseFamily, HostBase, RecipeOptions, Step } from './image-recipe.ts';
import { step } from './image-recipe.ts';
import type { NodeProject } from './node-project.ts';

/** The base images of a Node project. */
export interface NodeBase {
  family: BaseFamily;
  /** Why this family. */
  why: string;
  args: Step[];
  /** With npm and a shell. */
  build: string;
  runtime: string;
  /** Before the arguments of Node; empty where the image's ENTRYPOINT is Node. */
  program: string[];
  user: string;
  hostBases: HostBase[];
  notes: string[];
}

/**
 * The base images that fit: what native modules need decides, then size.
 *
 * @throws JettisonError `INIT_BASE` if a native module does not run on the chosen one
 */
export function nodeBase(project: Pick<NodeProject, 'natives' | 'node'>, options: RecipeOptions): NodeBase {
  const { natives, node } = project;
  const chosen = options.base;
  const unfit = natives.find(([, { bases }]) => chosen !== undefined && !bases.includes(chosen));
  if (unfit !== undefined) {
    const [name, { why, bases }] = unfit;
    throw new JettisonError('INIT_BASE', `${name} does not run on --base ${chosen}: ${why}`, {
      exitCode: EXIT.usage,
      hint: `Use --base ${bases.join(' or ')}.`,
    });
  }
  const family = chosen ?? best(natives);
  const deciding = natives.find(([, { bases }]) => bases[0] !== 'alpine') ?? natives[0];
  const why =
    chosen !== undefined
      ? `as chosen by --base ${chosen}`
      : deciding !== undefined
        ? `${family} fits ${deciding[0]}: ${deciding[1].why}`
        : 'alpine is the smallest with a shell, and no module of the project needs glibc';
  const common = { family, why, notes: [] as string[], hostBases: [] as HostBase[] };
  const version = step(
    `ARG NODE_VERSION=${node.version}`,
    `The version: ${node.reason}. Pin a digest for repeatable builds.`,
  );
  switch (family) {
    case 'alpine':
    case 'slim': {
      const image = `node:\${NODE_VERSION}-${family}`;
      return {
        ...common,
        args: [version],
        build: image,
        runtime: image,
        program: ['node'],
        user: '1000:1000',
      };
    }
    case 'distroless': {
      const major = Number.parseInt(node.version, 10);
      return {
        ...common,
        args: [version],
        build: `node:\${NODE_VERSION}-bookworm-slim`,
        runtime: `gcr.io/distroless/nodejs${major}-debian12`,
        program: [],
        user: '65532:65532',
      };
    }
    case 'host': {
      const { range } = node;
      const fits = range === undefined || validRange(range) === null || satisfies(options.hostNode, range);
      return {
        ...common,
        args: [
          step('ARG BASE=node:host', "Images of this machine's own files: `jettison base host` makes them."),
          step('ARG RUNTIME=node:host-slim'),
        ],
        build: `\${BASE}`,
        runtime: `\${RUNTIME}`,
        program: ['node'],
        user: '1000:1000',
        hostBases: [
          { name: 'node:host', slim: false },
          { name: 'node:host-slim', slim: true },
        ],
        notes: [
          'node:host and node:host-slim are in this store only: elsewhere run `jettison base host -t node:host` and `jettison base host --slim -t node:host-slim` first.',
          ...(fits
            ? []
            : [`This machine's Node is ${options.hostNode}, and ${node.reason} asks for ${range}.`]),
        ],
      };
    }
  }
}

/** The first family that every native module runs on, in the order of the pickiest one. */
function best(natives: NodeProject['natives']): BaseFamily {
  const pickiest = natives.toSorted(([, a], [, b]) => a.bases.length - b.bases.length)[0];
  const candidates = pickiest?.[1].bases ?? ['alpine'];
  return (
    candidates.find((family) => natives.every(([, { bases }]) => bases.includes(family))) ?? candidates[0]!
  );
}
