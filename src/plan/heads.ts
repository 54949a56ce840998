import type { Diagnostic, Instruction, StageText } from '../dockerfile/ast.ts';
import type { RuleRunner } from '../dockerfile/checks/rule.ts';
import { type Expansion, expand } from '../dockerfile/expand.ts';
import { closest } from '../errors/closest.ts';
import { JettisonError } from '../errors/error.ts';
import { at } from '../errors/locate.ts';
import { parsePlatform } from '../image/platform.ts';
import { canonicalName, parseReference } from '../image/reference.ts';
import type { Platform } from '../image/types.ts';
import { isBuilderArg, platformArgs } from './arguments.ts';
import type { PlanSubjects } from './checks/define-plan-check.ts';
import type { PlanInput } from './input.ts';
import { contextName } from './named-contexts.ts';
import type { StageNames } from './references.ts';
import type { DeclaredArg } from './stage-state.ts';

/** An expanded FROM. Needed for all stages, since a later one may refer to any of them. */
export interface Head {
  text: StageText;
  platform: Platform;
  base:
    | { kind: 'scratch' }
    | { kind: 'stage'; index: number }
    | { kind: 'image'; reference: string }
    | { kind: 'files'; name: string };
  /** A build context has the stage's name, so its instructions are ignored. */
  replaced: boolean;
}

type ScopeInput = Pick<PlanInput, 'dockerfile' | 'buildArgs' | 'platform' | 'buildPlatform' | 'target'>;

/** The arguments before the first FROM, and those that the platform sets. */
export function globalScope(input: ScopeInput): Map<string, string | undefined> {
  const { dockerfile, buildArgs } = input;
  const { escape: escapeCharacter } = dockerfile.directives;
  const scope = new Map<string, string | undefined>(
    Object.entries(predefined(input)).map(([name, value]) => [name, buildArgs[name] ?? value]),
  );
  const text = ({ text: written, location }: { text: string; location: Instruction['location'] }) =>
    expand(written, (name) => scope.get(name), { escape: escapeCharacter, location }).text;
  for (const instruction of dockerfile.globals) {
    for (const { name, value } of instruction.args) {
      const given = buildArgs[name.text];
      const fallback = () =>
        value === undefined ? scope.get(name.text) : at(instruction, () => text(value));
      scope.set(name.text, given ?? fallback());
    }
  }
  return scope;
}

/** The arguments that need no ARG before the first FROM. */
function predefined({ platform, buildPlatform, target, dockerfile }: ScopeInput): Record<string, string> {
  return platformArgs(buildPlatform, platform, target ?? dockerfile.stages.at(-1)?.name ?? 'default');
}

/** Expands all FROMs of a file, with the arguments before the first one and the build contexts. */
export class Heads {
  /** Arguments before the first FROM, and those that the platform sets. */
  readonly globals: ReadonlyMap<string, string | undefined>;
  readonly all: Head[];

  constructor(
    private readonly input: PlanInput,
    private readonly rules: RuleRunner<PlanSubjects>,
    private readonly warn: (warning: Diagnostic) => void,
    private readonly names: StageNames,
  ) {
    this.globals = globalScope(input);
    const { stages, globals, directives } = input.dockerfile;
    const known = predefined(input);
    rules.check('heads', {
      stages,
      globals,
      predefined: (name) => known[name],
      escape: directives.escape,
    });
    this.all = stages.map((stage) => at(stage.from, () => this.#readHead(stage)));
    this.#checkUnusedArgs();
  }

  /** Arguments before the first FROM that the FROM of a needed stage uses. */
  used(needed: Set<number>): DeclaredArg[] {
    const used = new Set<string>();
    for (const { text } of this.all) {
      if (!needed.has(text.index)) continue;
      for (const word of [text.from.image, text.from.platform]) {
        if (word !== undefined)
          for (const name of this.#expandGlobal(word, this.globals).used) used.add(name);
      }
    }
    return this.input.dockerfile.globals.flatMap((instruction) =>
      instruction.args
        .filter(({ name }) => used.has(name.text))
        .map(({ name }) => ({ name: name.text, value: this.globals.get(name.text), instruction })),
    );
  }

  #expandGlobal(
    word: { text: string; location: Instruction['location'] },
    scope: ReadonlyMap<string, string | undefined>,
  ): Expansion {
    return expand(word.text, (name) => scope.get(name), {
      escape: this.input.dockerfile.directives.escape,
      location: word.location,
    });
  }

  /** A word of a FROM. */
  #expandFrom(word: { text: string; location: Instruction['location'] }): Expansion {
    const expansion = this.#expandGlobal(word, this.globals);
    this.rules.check('from-word', { expansion, declared: this.globals, location: word.location });
    return expansion;
  }

  #readHead(stage: StageText): Head {
    const { from } = stage;
    const name = this.#expandFrom(from.image).text;
    if (name === '') {
      throw new JettisonError(
        'BASE_EMPTY',
        `the base image name "${from.image.text}" is empty after expansion`,
        {
          location: from.image.location,
          source: from.source,
          hint: 'Give the ARG a default before the first FROM, or pass --build-arg.',
        },
      );
    }
    const platform = this.#headPlatform(stage);
    const own = stage.name === undefined ? undefined : this.contextBase(stage.name);
    const base = own ?? this.#headBase(stage, name);
    return { text: stage, platform, base, replaced: own !== undefined };
  }

  /** The base that a build context of that name replaces. */
  contextBase(name: string): Head['base'] | undefined {
    const key = contextName(name);
    const context = this.input.contexts?.get(key);
    return context?.kind === 'files' ? { kind: 'files', name: key } : context;
  }

  #headBase({ from, index }: StageText, name: string): Head['base'] {
    const earlier = this.names.lastBefore(name, index);
    if (earlier !== undefined) return { kind: 'stage', index: earlier };
    if (name === 'scratch') return { kind: 'scratch' };
    const context = this.contextBase(name);
    if (context !== undefined) return context;
    return { kind: 'image', reference: at(from, () => canonicalName(parseReference(name))) };
  }

  #headPlatform(stage: StageText): Platform {
    const { from } = stage;
    if (from.platform === undefined) return this.input.platform;
    const expansion = this.#expandFrom(from.platform);
    const target = { platform: this.input.platform, text: this.globals.get('TARGETPLATFORM') ?? '' };
    this.rules.check('from-platform', { stage, expansion, target });
    if (expansion.text === '') {
      throw new JettisonError(
        'PLATFORM_EMPTY',
        `the platform "${from.platform.text}" is empty after expansion`,
        {
          location: from.platform.location,
          source: from.source,
          hint: 'Leave out --platform, or give its argument a value.',
        },
      );
    }
    return at(from, () => parsePlatform(expansion.text, this.input.platform));
  }

  #checkUnusedArgs(): void {
    const { dockerfile, buildArgs } = this.input;
    const declared = new Set(this.globals.keys());
    for (const stage of dockerfile.stages) {
      for (const instruction of stage.instructions) {
        if (instruction.kind === 'ARG') for (const { name } of instruction.args) declared.add(name.text);
      }
    }
    for (const name of Object.keys(buildArgs)) {
      if (declared.has(name) || isBuilderArg(name)) continue;
      const near = closest(name, declared);
      this.warn({
        code: 'UnusedBuildArg',
        message: `build argument ${name} is not declared by any ARG`,
        location: { file: dockerfile.file, line: 1, column: 1 },
        ...(near === undefined ? {} : { hint: `Did you mean ${near}?` }),
      });
    }
  }
}
