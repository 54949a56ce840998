// The reference: a Docker engine with a current BuildKit.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { baseFolder, baseName, contextFolder, writeContext } from './case-file.mjs';
import { eachOf, output, run } from './spawn.mjs';
import { configLines, summarise } from './summary.mjs';

/** How many images one `docker save` writes. */
const SAVED_AT_ONCE = 24;
const REPOSITORY = 'jettison-conformance';
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'jettison-conformance');

/**
 * @typedef {{ ok: true, summary: string[] } | { ok: false, message: string }} Outcome
 */

export class Engine {
  /** @param {string[]} docker the docker command with its own flags */
  constructor(docker) {
    this.docker = docker;
    this.layers = new Map();
    this.bases = new Map();
  }

  /** @returns {Promise<string>} the engine's version; throws when there is none */
  async version() {
    const form = '{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}';
    return (await output([...this.docker, 'version', '--format', form])).toString().trim();
  }

  /**
   * Builds the images that cases stand on, in the order of their files' names.
   *
   * @param {string} folder with `NN-name.Dockerfile`s
   * @param {string} context
   * @returns {Promise<Buffer>} all of them as an archive
   */
  async makeBases(folder, context) {
    const names = [];
    for (const file of readdirSync(folder).sort()) {
      const name = file.replace(/^\d+-|\.Dockerfile$/g, '');
      const flags = ['--provenance=false', '--network=none', '-q', '-t', name, '-f', join(folder, file)];
      const input = readFileSync(join(folder, file));
      flags.splice(-1, 1, '-');
      const id = await output([...this.docker, 'build', ...flags, context], { input });
      this.bases.set(name, id.toString().trim());
      names.push(name);
    }
    return output([...this.docker, 'save', ...names]);
  }

  /**
   * @param {import('./case-file.mjs').Case[]} cases
   * @param {{ folder: string, jobs: number, fresh: boolean }} options `fresh` forgets what is known from
   *   earlier runs
   * @returns {Promise<Map<string, Outcome>>} by the cases' names
   */
  async build(cases, { folder, jobs, fresh }) {
    const identity = JSON.stringify([await this.version(), [...this.bases], 4]);
    const outcomes = new Map();
    const keyOf = (one) => createHash('sha256').update(`${identity}\n${one.text}`).digest('hex');
    const todo = cases.filter((one) => {
      const known = fresh ? undefined : readKnown(keyOf(one));
      if (known !== undefined) outcomes.set(one.name, known);
      return known === undefined;
    });
    const built = [];
    await eachOf(todo, jobs, async (one) => {
      const context = contextFolder(one, folder);
      writeContext(one, context);
      // Docker's cache knows files by their content, and would hand out those of another case with its times.
      const flags = ['--no-cache', '--provenance=false', '--network=none', '--progress=plain'];
      if (one.base !== undefined) {
        const archive = await output(['tar', '-cC', baseFolder(context), '.']);
        await output([...this.docker, 'load', '-q'], { input: archive });
        flags.push('--build-context', `base=docker-image://${baseName(one)}`);
      }
      const argv = [...this.docker, 'build', ...flags];
      const { code, err } = await run([...argv, '-t', tagOf(one), ...fileArgs(one, context), context], {
        env: one.env,
      });
      if (code === 0) built.push(one);
      else {
        const [message] = withoutAddress(one, [lastLines(err)]);
        outcomes.set(one.name, { ok: false, message });
      }
    });
    for (let i = 0; i < built.length; i += SAVED_AT_ONCE) {
      const some = built.slice(i, i + SAVED_AT_ONCE);
      const summaries = await this.summaries(some.map(tagOf));
      for (const one of some) {
        outcomes.set(one.name, { ok: true, summary: withoutAddress(one, summaries.get(tagOf(one))) });
      }
      const bases = some.filter(({ base }) => base !== undefined).map(baseName);
      await run([...this.docker, 'rmi', '-f', ...some.map(tagOf), ...bases]);
    }
    mkdirSync(CACHE, { recursive: true });
    for (const one of todo) {
      writeFileSync(join(CACHE, keyOf(one)), JSON.stringify(outcomes.get(one.name)));
    }
    return outcomes;
  }

  /** @param {string[]} tags @returns {Promise<Map<string, string[]>>} */
  async summaries(tags) {
    const { code, out, err } = await run([...this.docker, 'save', ...tags]);
    if (code === 0) return summarise(out, this.layers);
    // The engine saves no image without layers: the others are saved one by one.
    if (!err.includes('empty export')) throw new Error(err);
    if (tags.length === 1) return new Map([[tags[0], await this.withoutLayers(tags[0])]]);
    const each = await Promise.all(tags.map((tag) => this.summaries([tag])));
    return new Map(each.flatMap((found) => [...found]));
  }

  /** Summary of an image without layers, which the engine shows but does not save. @returns {Promise<string[]>} */
  async withoutLayers(tag) {
    const [image] = JSON.parse(await output([...this.docker, 'image', 'inspect', tag]));
    const form = ['--no-trunc', '--format', '{{json .}}'];
    const lines = (await output([...this.docker, 'history', ...form, tag])).toString().trim().split('\n');
    const history = lines
      .filter(Boolean)
      .reverse()
      .map((line) => historyEntry(JSON.parse(line)));
    const { Config: config, Author: author, Os: os, Architecture: architecture, Variant: variant } = image;
    return configLines({ config, history, author, os, architecture, variant });
  }
}

/** One line of `docker history`. */
function historyEntry({ CreatedBy, Comment }) {
  return { created_by: CreatedBy, comment: Comment, empty_layer: true };
}

function readKnown(key) {
  try {
    return JSON.parse(readFileSync(join(CACHE, key), 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param {import('./case-file.mjs').Case} one */
export function tagOf(one) {
  return `${REPOSITORY}:${one.name.replaceAll('/', '.')}`;
}

/** The lines of a summary without the address of what the case fetched, which is another one each time. */
export function withoutAddress(one, summary) {
  return one.url === undefined ? summary : summary?.map((line) => line.replaceAll(one.url, '@HTTP@'));
}

/** A case's flags; a file that they name is one of the context. */
export function fileArgs(one, context) {
  return one.args.flatMap((line) => {
    const [flag, ...rest] = line.split(/\s+/);
    if (flag === '-f') return ['-f', join(context, rest[0])];
    if (flag === '--secret') return [flag, rest[0].replace('src=', `src=${context}/`)];
    return [flag, ...(rest.length > 0 ? [line.slice(flag.length).trim()] : [])];
  });
}

/** The end of what a failed build printed: where its message is. */
function lastLines(text) {
  return text.trimEnd().split('\n').slice(-6).join('\n');
}
