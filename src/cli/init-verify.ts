import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { makeHostBase } from '../base/make.ts';
import { build, type SecretSource } from '../build/build.ts';
import { EXIT, JettisonError } from '../errors/error.ts';
import { renderError } from '../errors/render.ts';
import { visible } from '../errors/safe-text.ts';
import { wantsColor } from '../errors/style.ts';
import { createRenderer } from '../events/create-renderer.ts';
import { size } from '../events/units.ts';
import { canonicalName, parseReference } from '../image/reference.ts';
import type { Recipe } from '../init/image-recipe.ts';
import { isReachable } from '../probe/listening.ts';
import { probeImage } from '../probe/probe-image.ts';
import type { HttpAnswer, ProbeResult } from '../probe/probe-result.ts';
import { findImage } from '../store/lookup.ts';
import { openStore, type Store } from '../store/store.ts';
import type { Io } from './command.ts';

const EXIT_NOT_CHECKED = 3;
const SERVER_ERROR = 500;
/** Lines of a log that are shown. */
const SHOWN = 12;
/** Errors of reaching a registry: they say nothing about the Dockerfile. */
const UNREACHABLE = /^REGISTRY_|^PROXY_FAILED$|^CREDENTIAL/;

/**
 * Builds the image of a project, starts it, plain and then hardened, and asks its port.
 *
 * @param secrets by id, of the command line
 * @returns the exit code: 0 verified, 1 it does not build or answer, 3 it could not be tried
 */
export async function verify(
  folder: string,
  recipe: Recipe,
  secrets: Record<string, SecretSource>,
  io: Io,
): Promise<number> {
  const store = openStore({ env: io.env });
  try {
    await makeHostBases(store, recipe, io);
    const built = await buildProject(folder, secrets, io);
    if (typeof built === 'number') return built;
    const image = findImage(store, built.imageId);
    const paths = recipe.health === undefined ? ['/'] : [recipe.health];
    const options = { paths, signal: io.signal };
    const plain = await probeImage(store, image, options);
    const bytes = image.manifest.layers.reduce((sum, layer) => sum + layer.size, 0);
    io.stdout.write(`Built: ${built.name}, ${size(bytes)} packed\n`);
    const problem = problemOf(plain, recipe);
    if (problem !== undefined) {
      io.stdout.write(`Failed: ${problem}\n${lastLines(plain)}`);
      return EXIT.failed;
    }
    io.stdout.write(`Verified: ${answeredText(plain)}\n`);
    const hardened = await probeImage(store, image, { ...options, rights: 'hardened' });
    const needs = problemOf(hardened, recipe);
    io.stdout.write(
      needs === undefined
        ? 'Verified: the same with --hardened (read-only, no capabilities)\n'
        : `Not with --hardened: ${needs}\n${lastLines(hardened)}`,
    );
    io.stdout.write(
      `Not verified: other paths than ${paths.join(', ')}, and services that it connects to.\n`,
    );
    io.stdout.write(
      `Run it: jettison run --rm${recipe.port === undefined ? '' : ` -p ${recipe.port}:${recipe.port}`} ${built.name}\n`,
    );
    return 0;
  } finally {
    store.close();
  }
}

async function makeHostBases(store: Store, { hostBases }: Recipe, io: Io): Promise<void> {
  for (const { name, slim } of hostBases) {
    const canonical = canonicalName(parseReference(name));
    if (store.images.get(canonical) !== undefined) continue;
    const base = await makeHostBase(store, { slim });
    store.images.put(canonical, base.manifest);
    io.stdout.write(`Made ${name} of this machine's files\n`);
  }
}

async function buildProject(
  folder: string,
  secrets: Record<string, SecretSource>,
  io: Io,
): Promise<{ imageId: string; name: string } | number> {
  const name = imageName(folder);
  const npmrc = join(io.env['HOME'] ?? homedir(), '.npmrc');
  const own: Record<string, SecretSource> = existsSync(npmrc) ? { npmrc: { file: npmrc } } : {};
  const renderer = await createRenderer('auto', io.stderr, {
    color: wantsColor(io.stderr, io.env),
    env: io.env,
  });
  try {
    const { imageId } = await build({
      context: folder,
      tags: [name],
      secrets: { ...own, ...secrets },
      env: io.env,
      signal: io.signal,
      onEvent: (event) => renderer.handle(event),
    });
    return { imageId, name };
  } catch (error) {
    if (!(error instanceof JettisonError) || error.code === 'INTERRUPTED') throw error;
    const { code } = error.code === 'BASE_UNKNOWN' ? (error.cause as JettisonError) : error;
    const isOut = UNREACHABLE.test(code);
    io.stderr.write(renderError(error, { color: wantsColor(io.stderr, io.env) }));
    io.stdout.write(
      isOut
        ? 'Not verified: a base image could not be fetched. `--base host` needs no registry for images.\n'
        : 'Failed: the image does not build.\n',
    );
    return isOut ? EXIT_NOT_CHECKED : EXIT.failed;
  } finally {
    renderer.end();
  }
}

/** A name for the image, of the folder's. */
function imageName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return name === '' ? 'app' : name;
}

/** Why an image does not do what it should; undefined if it does. */
function problemOf(result: ProbeResult, { port }: Recipe): string | undefined {
  const { outcome, exitCode, error, listening, answers, health } = result;
  if (outcome === 'failed') return `it could not start: ${error}`;
  if (outcome === 'ended') {
    return port === undefined && exitCode === 0 ? undefined : `it ended by itself with exit code ${exitCode}`;
  }
  if (outcome === 'silent') {
    const own = listening.filter((socket) => !isReachable(socket));
    const others = listening.filter(isReachable).map((socket) => socket.port);
    if (own.some((socket) => socket.port === port)) {
      return `it listens on the loopback address only (${own[0]!.address}:${port}): let it listen on 0.0.0.0`;
    }
    return others.length > 0
      ? `it listens on port ${others.join(', ')}, and not on ${port}: let it read PORT`
      : `nothing answered on port ${port}`;
  }
  const bad = answers.find(({ status }) => status === 0 || status >= SERVER_ERROR);
  if (bad !== undefined) return answerText(bad);
  if (health !== undefined && health.exitCode !== 0) return `its health check fails: ${health.output.trim()}`;
  return undefined;
}

function answeredText({ outcome, answers, readyMs, health }: ProbeResult): string {
  if (outcome === 'ended') return 'it ran to its end, with exit code 0';
  if (answers.length === 0) return 'it starts and keeps running; it has no port to ask';
  const checked = health === undefined ? '' : '; its health check passes';
  return `${answers.map(answerText).join(', ')} after ${readyMs} ms${checked}`;
}

function answerText({ port, path, status, error, body }: HttpAnswer): string {
  return status === 0
    ? `no answer from port ${port}: ${error}`
    : `GET :${port}${path} answers ${status} (${size(body.size)})`;
}

function lastLines({ logs }: ProbeResult): string {
  const text = [logs.stdout.text, logs.stderr.text].join('').trimEnd();
  if (text === '') return '  (it printed nothing)\n';
  return text
    .split('\n')
    .slice(-SHOWN)
    .map((line) => `  ${visible(line)}\n`)
    .join('');
}
