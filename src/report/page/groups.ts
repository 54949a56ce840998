import { KIND_WORDS, KINDS, type Kind } from '../../inspect/package.ts';
import type { Status } from './difference.ts';
import { type File, type ImageModel, instructionText, packageLabel } from './model.ts';

/** By what files are told apart: each way gives every file one group, and each group one colour. */
export const GROUPINGS = {
  kind: 'Kind',
  layer: 'Layer',
  stage: 'Stage',
  package: 'Package',
  change: 'Change',
} as const;
export type Grouping = keyof typeof GROUPINGS;

export interface Group {
  key: string;
  label: string;
  /** Degrees of OKLCH; undefined for grey. */
  hue: number | undefined;
  bytes: number;
}

const KIND_HUES: Record<Kind, number | undefined> = {
  base: undefined,
  'os-package': 255,
  runtime: 150,
  npm: 25,
  'npm-dev': 355,
  python: 230,
  go: 200,
  java: 50,
  rust: 40,
  application: 300,
  'build-output': 275,
  tool: 85,
  cache: 105,
  docs: 180,
  unowned: undefined,
};

const CHANGES: Record<Status, { label: string; hue: number | undefined }> = {
  same: { label: 'unchanged', hue: undefined },
  added: { label: 'added', hue: 150 },
  changed: { label: 'changed', hue: 85 },
  removed: { label: 'removed', hue: 25 },
};

/** Hues far from each other, however many there are. */
const GOLDEN_ANGLE = 137.508;
const FIRST_HUE = 25;

/** The groups of one or several images: a group has the same colour in all of them. */
export class Groups {
  readonly all: Group[] = [];
  readonly #byKey = new Map<string, Group>();
  readonly #ofFile = new Map<File, Group>();

  constructor(
    readonly by: Grouping,
    models: readonly ImageModel[],
    /** For `change`. */
    private readonly statuses: ReadonlyMap<File, Status> = new Map(),
  ) {
    if (by === 'change') {
      for (const [status, { label, hue }] of Object.entries(CHANGES)) this.#enter(status, label, hue);
    }
    if (by === 'kind') for (const kind of KINDS) this.#enter(kind, KIND_WORDS[kind].name, KIND_HUES[kind]);
    for (const model of models) {
      for (const file of model.files) {
        const { key, label, isGrey } = this.#groupOf(model, file);
        const group = this.#byKey.get(key) ?? this.#enter(key, label, isGrey ? undefined : Number.NaN);
        group.bytes += file.bytes;
        this.#ofFile.set(file, group);
      }
    }
    this.all = [...this.#byKey.values()].filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes);
    let next = 0;
    for (const group of this.all) {
      if (Number.isNaN(group.hue)) group.hue = Math.round((FIRST_HUE + next++ * GOLDEN_ANGLE) % 360);
    }
  }

  of(file: File): Group {
    return this.#ofFile.get(file)!;
  }

  #enter(key: string, label: string, hue: number | undefined): Group {
    const group = { key, label, hue, bytes: 0 };
    this.#byKey.set(key, group);
    return group;
  }

  #groupOf(model: ImageModel, file: File): { key: string; label: string; isGrey?: boolean } {
    const layer = model.layer(file.layer);
    switch (this.by) {
      case 'kind':
        return { key: file.kind, label: file.kind };
      case 'change': {
        const status = this.statuses.get(file) ?? 'same';
        return { key: status, label: status };
      }
      case 'layer': {
        const instruction = model.instruction(file.layer);
        const text = instruction === undefined ? '' : instructionText(instruction);
        return { key: layer.diffId, label: text === '' ? `layer ${file.layer + 1}` : text };
      }
      case 'stage': {
        const origin = model.origin(file.layer);
        return { key: origin, label: origin, isGrey: layer.base };
      }
      case 'package': {
        const owner = file.package;
        if (owner === undefined) return { key: '', label: 'no package', isGrey: true };
        return { key: `${owner.type}:${owner.name}`, label: packageLabel(owner) };
      }
    }
  }
}
