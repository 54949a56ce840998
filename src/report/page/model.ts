import { visibleLine } from '../../errors/safe-text.ts';
import type { DescribedLayer, DescribedPackage } from '../../inspect/describe.ts';
import type { Instruction } from '../../inspect/instructions.ts';
import { KINDS, type Kind } from '../../inspect/package.ts';
import type { Origin, ReportImage } from '../report-data.ts';

/** A file of the final tree. Texts that an image says are made visible here, once, for the whole page. */
export interface File {
  path: string;
  bytes: number;
  kind: Kind;
  layer: number;
  package?: DescribedPackage;
  content: number | undefined;
  /** By which instructions it came in, the last one first; empty where that is not known. */
  origins: readonly Origin[];
}

/** A package that asks for another one, nearest first. */
export interface Asker {
  label: string;
  /** The file that asks for the last one of a chain. */
  file?: string;
}

/** An image of the report, ready to be asked. */
export class ImageModel {
  readonly label: string;
  readonly files: File[];
  readonly packages: readonly DescribedPackage[];
  readonly #packagesById: ReadonlyMap<string, DescribedPackage>;
  readonly #askers = new Map<string, DescribedPackage[]>();

  constructor(readonly data: ReportImage) {
    this.label = visibleLine(data.image.label);
    const packages = data.packages.map((one) => ({
      ...one,
      ...{ name: visibleLine(one.name), version: visibleLine(one.version), path: visibleLine(one.path) },
    }));
    this.packages = packages;
    this.#packagesById = new Map(packages.map((one) => [one.id, one]));
    for (const one of packages) {
      for (const id of one.requires ?? []) {
        const askers = this.#askers.get(id);
        if (askers === undefined) this.#askers.set(id, [one]);
        else askers.push(one);
      }
    }
    const { directories, ...columns } = data.files;
    const folders = directories.map(visibleLine);
    this.files = columns.name.map((name, at) => {
      const folder = folders[columns.directory[at]!]!;
      const owner = packages[columns.package[at]!];
      return {
        path: folder === '' ? visibleLine(name) : `${folder}/${visibleLine(name)}`,
        bytes: columns.bytes[at]!,
        kind: KINDS[columns.kind[at]!]!,
        layer: columns.layer[at]!,
        content: columns.content?.[at],
        origins: data.origins[columns.origin[at]!] ?? [],
        ...(owner !== undefined && { package: owner }),
      };
    });
  }

  layer(at: number): DescribedLayer {
    return this.data.layers[at]!;
  }

  instruction(layer: number): Instruction | undefined {
    return this.data.instructions[this.layer(layer).instruction];
  }

  /** Where the bytes of a layer are from: the base image, a stage, the build context, a command. */
  origin(layer: number): string {
    if (this.layer(layer).base) return `base image${this.baseName === undefined ? '' : ` ${this.baseName}`}`;
    const { keyword = '', stage, from } = this.instruction(layer) ?? {};
    if (from !== undefined) return `stage ${visibleLine(from)}`;
    const inStage = stage === undefined ? '' : ` of stage ${visibleLine(stage)}`;
    if (keyword === 'RUN') return `commands${inStage}`;
    if (keyword === 'COPY' || keyword === 'ADD') return `files copied${inStage}`;
    return `other instructions${inStage}`;
  }

  get baseName(): string | undefined {
    const name = this.data.base?.name;
    return name === undefined ? undefined : visibleLine(name);
  }

  /** The shortest chain of packages that leads to one; empty where nothing asks for it. */
  askedFor(of: DescribedPackage): Asker[] {
    const before = new Map<DescribedPackage, DescribedPackage | undefined>([[of, undefined]]);
    const queue = [of];
    for (let at = 0; at < queue.length; at++) {
      const one = queue[at]!;
      const askers = this.#askers.get(one.id) ?? [];
      if (one.askedBy !== undefined || (askers.length === 0 && one !== of)) {
        const chain: Asker[] = [];
        for (let step: DescribedPackage | undefined = one; step !== undefined; step = before.get(step)) {
          if (step !== of) chain.unshift({ label: packageLabel(step) });
        }
        const { askedBy } = one;
        if (askedBy === undefined) return chain;
        const line = askedBy.line === undefined ? '' : `:${askedBy.line}`;
        return [...chain, { label: `${visibleLine(askedBy.path)}${line}`, file: askedBy.path }];
      }
      for (const asker of askers) {
        if (before.has(asker)) continue;
        before.set(asker, one);
        queue.push(asker);
      }
    }
    return [];
  }

  package(id: string): DescribedPackage | undefined {
    return this.#packagesById.get(id);
  }
}

export function packageLabel({ name, version }: DescribedPackage): string {
  return version === '' ? name : `${name}@${version}`;
}

/** `Dockerfile:12`; undefined for an instruction of elsewhere. */
export function locationOf({ location }: Pick<Instruction, 'location'>): string | undefined {
  return location === undefined ? undefined : `${visibleLine(location.file)}:${location.line}`;
}

/** An instruction's text as it can be shown: on one line, its keyword in front. */
export function instructionText({ text }: Pick<Instruction, 'text'>): string {
  return text === '' ? '(no history)' : visibleLine(text.replaceAll(/\\\r?\n/g, ' ').replaceAll(/\s+/g, ' '));
}
