import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { dockerfileFacts } from '../advice/stage-facts.ts';
import { contextSource } from '../context/context-source.ts';
import { readDockerfile } from '../context/dockerfile.ts';
import { EXIT, JettisonError } from '../errors/error.ts';
import { seconds } from '../events/units.ts';
import type { Digest } from '../image/digest.ts';
import { familiarName } from '../image/reference.ts';
import { behaviourChanges, wasAsked, whyUndecided } from '../optimise/behaviour.ts';
import { startFile } from '../optimise/edited-text.ts';
import type { BaseChoice, OptimiseEvidence, Texts } from '../optimise/rewrite.ts';
import { REWRITES } from '../optimise/rewrites.ts';
import { reachablePorts } from '../probe/listening.ts';
import type { ProbeResult } from '../probe/probe-result.ts';
import { findImage, listImages, type NamedImage } from '../store/lookup.ts';
import { useStore } from '../store/store.ts';
import { check } from './check.ts';
import { contextEvidence } from './context-evidence.ts';
import {
  type BuiltFacts,
  type BuiltImage,
  type TrialFigures,
  type TrialOptions,
  Trials,
} from './optimise-trial.ts';
import { checkNames } from './options.ts';

export interface OptimiseOptions extends TrialOptions {
  /** As for `build`. */
  file?: string;
  /** Names of images that the final stage may stand on. */
  bases?: readonly string[];
  /** Ids of the rewrites to try; default: all. */
  only?: readonly string[];
  /** Called before each build and probe. */
  onTrial?: (what: string) => void;
}

/** One version of the Dockerfile whose image behaves as the original's does. */
export interface OptimiseStep {
  /** Absent for the original. */
  id?: string;
  title: string;
  summary: string;
  /** What the probe may not see. */
  check?: string;
  texts: Texts;
  image: Digest;
  figures: TrialFigures;
}

/** A rewrite that was tried and is not used. */
export interface RejectedRewrite {
  id: string;
  summary: string;
  reasons: string[];
}

export interface OptimiseResult {
  /** The Dockerfile's name as typed. */
  file: string;
  /** Name of the ignore file, if there is one. */
  ignoreName?: string;
  /** The original, then each rewrite that was kept, on top of those before it. */
  steps: [OptimiseStep, ...OptimiseStep[]];
  rejected: RejectedRewrite[];
  /** Why the probe cannot decide: nothing is proven then. */
  undecided?: string;
  probe: ProbeResult;
}

/** Bases that are tried. */
const MOST_BASES = 6;
const SOURCE = /\.([cm]?[jt]sx?|py|go|rb|java|php|html|css|vue|svelte|sh|txt)$/;

/**
 * Rewrites a Dockerfile step by step. Each rewrite is built and run; it is kept if the image behaves as the original's,
 * and serves its aim.
 *
 * @throws JettisonError when the original cannot be built, `REWRITE_UNKNOWN`
 */
export async function optimise(options: OptimiseOptions): Promise<OptimiseResult> {
  const ids = REWRITES.map(({ id }) => id);
  checkNames(options.only ?? [], ids, { code: 'REWRITE_UNKNOWN', kind: 'rewrite' });
  const source = contextSource(options.context);
  if (source.kind !== 'directory') {
    throw new JettisonError('CONTEXT_UNKNOWN', `"${options.context}" is not a directory`, {
      hint: 'Give the folder of the build context.',
      exitCode: EXIT.usage,
    });
  }
  const { file } = options;
  const { text, name, ignoreText, ignoreName } = await readDockerfile({
    directory: source.path,
    ...(file === undefined ? {} : { file }),
  });
  const search = new Search(options, source.path, name);
  const result = await search.run({ dockerfile: text, ignoreText });
  return { file: name, ...(ignoreName === undefined ? {} : { ignoreName }), ...result };
}

/** The search for rewrites that can be kept. */
class Search {
  readonly #options: OptimiseOptions;
  readonly #directory: string;
  readonly #name: string;
  readonly #trials: Trials;
  /** Ports to ask; undefined: those that the image exposes. */
  #ports: readonly number[] | undefined;
  /** Native addons that do not load in the original either. */
  #faults: ReadonlySet<string> = new Set();

  constructor(options: OptimiseOptions, directory: string, name: string) {
    this.#options = options;
    this.#directory = directory;
    this.#name = name;
    this.#trials = new Trials({ ...options, context: directory });
  }

  async run(original: Texts): Promise<Pick<OptimiseResult, 'steps' | 'rejected' | 'undecided' | 'probe'>> {
    this.#options.onTrial?.('the Dockerfile as it is');
    const image = await this.#trials.build(original, this.#name);
    const inspected = await this.#trials.inspect(image);
    const { probe, ports } = await this.#probeOriginal(image);
    this.#ports = ports;
    this.#faults = new Set(inspected.faults.map(({ name }) => name));
    const undecided = whyUndecided(probe);
    const again = undecided === undefined ? await this.#trials.probe(image, ports) : undefined;
    let evidence = await this.#evidence(original, inspected.facts);
    const edited = editedFile(evidence, this.#directory);
    const times = await this.#trials.buildTimes(original, this.#name, edited);
    const figures = { ...inspected.figures, ...times };
    const first = { title: 'as it is', summary: 'the Dockerfile as it is', texts: original, image, figures };
    const steps: [OptimiseStep, ...OptimiseStep[]] = [first];
    const rejected: RejectedRewrite[] = [];
    const { only = [] } = this.#options;
    for (const { id, title, aim, propose } of REWRITES) {
      if (only.length > 0 && !only.includes(id)) continue;
      const last = steps.at(-1)!;
      for (const candidate of propose(evidence)) {
        const { summary, texts, check } = candidate;
        this.#options.onTrial?.(`${id}: ${summary}`);
        const { built, reasons } = await this.#try(texts, probe, again);
        if (undecided !== undefined) reasons.push(`not proven: ${undecided}`);
        const isSmaller = built !== undefined && built.figures.packed < last.figures.packed;
        if (reasons.length === 0 && aim === 'size' && !isSmaller) {
          reasons.push('the image does not get smaller');
        }
        if (built === undefined || reasons.length > 0) {
          rejected.push({ id, summary, reasons });
          continue;
        }
        const times = await this.#trials.buildTimes(texts, this.#name, edited);
        const measured = { ...built.figures, ...times };
        if (aim === 'time' && !isFaster(measured, last.figures)) {
          rejected.push({ id, summary, reasons: [timesText(measured, last.figures)] });
          continue;
        }
        const facts = { id, title, summary, texts, image: built.image, figures: measured };
        steps.push({ ...facts, ...(check === undefined ? {} : { check }) });
        evidence = await this.#evidence(texts, built.facts);
        break;
      }
    }
    return { steps, rejected, probe, ...(undecided === undefined ? {} : { undecided }) };
  }

  /** Of an image that exposes no port, those are asked on which its program listens. */
  async #probeOriginal(image: Digest): Promise<{ probe: ProbeResult; ports?: readonly number[] }> {
    const probe = await this.#trials.probe(image);
    const ports = reachablePorts(probe.listening);
    if (wasAsked(probe) || probe.outcome !== 'answered' || ports.length === 0) return { probe };
    return { probe: await this.#trials.probe(image, ports), ports };
  }

  /** Builds and runs a version: the image, if it can be built, and the reasons against it. */
  async #try(
    texts: Texts,
    before: ProbeResult,
    again: ProbeResult | undefined,
  ): Promise<{ built?: BuiltImage; reasons: string[] }> {
    let image: Digest;
    try {
      image = await this.#trials.build(texts, this.#name);
    } catch (error) {
      if (!(error instanceof JettisonError) || error.code === 'INTERRUPTED') throw error;
      return { reasons: [`it cannot be built: ${error.message}`] };
    }
    const built = await this.#trials.inspect(image);
    const unfit = built.faults.filter(({ name }) => !this.#faults.has(name));
    // They may load only when a request needs them: no probe would see it.
    if (unfit.length > 0) {
      return { built, reasons: unfit.map(({ name, fault }) => `the native addon ${name} ${fault}`) };
    }
    const after = await this.#trials.probe(image, this.#ports);
    return { built, reasons: behaviourChanges(before, after, again) };
  }

  async #evidence(texts: Texts, built: BuiltFacts): Promise<OptimiseEvidence> {
    const { buildArgs = {}, home, env, signal } = this.#options;
    const { dockerfile, plan, error } = await check({
      context: this.#directory,
      text: texts.dockerfile,
      buildArgs,
      env,
      ...(this.#options.file === undefined ? {} : { file: this.#options.file }),
      ...(home && { home }),
      ...(signal && { signal }),
    });
    if (dockerfile === undefined || plan === undefined) {
      throw error ?? new Error('a Dockerfile that was built cannot be planned');
    }
    const { ignoreText } = texts;
    const ignore = ignoreText === undefined ? {} : { ignoreText, ignoreName: '.dockerignore' };
    const context = contextEvidence(this.#directory, ignore);
    const bases = await this.#bases(plan);
    const facts = dockerfileFacts(dockerfile, buildArgs, plan.target.index);
    return { texts, facts, plan, context, ...built, bases };
  }

  /** Images that are smaller than the final stage's base: those that were named, and others of its repository. */
  #bases({ target }: OptimiseEvidence['plan']): Promise<BaseChoice[]> {
    const { bases = [], home, env, signal } = this.#options;
    if (target.base.kind !== 'image') return Promise.resolve([]);
    const { reference, layers } = target.base.image;
    const present = sum(layers.map(({ blob }) => blob.size));
    return useStore({ env, ...(home && { home }), ...(signal && { signal }) }, (store) => {
      const named = bases.map((name) => choice(name, findImage(store, name)));
      const repository = repositoryOf(reference);
      const others = listImages(store).flatMap((image) =>
        image.names
          .filter((name) => repositoryOf(name) === repository && name !== reference)
          .map((name) => choice(familiarName(name), image)),
      );
      const smaller = (list: BaseChoice[]) =>
        list.filter(({ bytes }) => bytes < present).sort((a, b) => a.bytes - b.bytes);
      const found = [...smaller(named), ...smaller(others)];
      return found
        .filter(({ name }, i) => found.findIndex((other) => other.name === name) === i)
        .slice(0, MOST_BASES);
    });
  }
}

/** Whether one of the two builds takes less time. */
function isFaster(after: TrialFigures, before: TrialFigures): boolean {
  const { rebuildMs = 0 } = after;
  return after.coldMs < before.coldMs || rebuildMs < (before.rebuildMs ?? 0);
}

function timesText(after: TrialFigures, before: TrialFigures): string {
  const cold = `cold build ${seconds(before.coldMs)} → ${seconds(after.coldMs)}`;
  if (after.rebuildMs === undefined || before.rebuildMs === undefined) return `not faster: ${cold}`;
  return `not faster: ${cold}, after an edit ${seconds(before.rebuildMs)} → ${seconds(after.rebuildMs)}`;
}

function choice(name: string, { manifest, config }: NamedImage): BaseChoice {
  const entrypoint = config.config?.Entrypoint ?? [];
  return { name, bytes: sum(manifest.layers.map(({ size }) => size)), entrypoint };
}

function repositoryOf(name: string): string {
  return name.replace(/@.*$/, '').replace(/:[^/]*$/, '');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

/** A source file to edit for a rebuild: the start file, else the first that looks like one. */
function editedFile(evidence: OptimiseEvidence, directory: string): string | undefined {
  const { context } = evidence;
  const start = startFile(evidence);
  if (start !== undefined && context.file(start) !== undefined) return start;
  for (const folder of ['src', 'app', 'lib', '']) {
    if (folder !== '' && !context.has(folder)) continue;
    const names = readdirSync(join(directory, folder)).sort();
    const found = names
      .map((name) => (folder === '' ? name : `${folder}/${name}`))
      .find((path) => SOURCE.test(path) && context.file(path) !== undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}
