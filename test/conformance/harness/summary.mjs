// What an image is, as lines of text: config, history and the merged tree of its layers.
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { readTar } from './tar.mjs';

/** Whatever is younger was made by the build itself: contexts are from 2001. In seconds. */
const NOT_PRESERVED = Date.UTC(2020) / 1000;

const TYPES = { 0: 'file', 2: 'symlink', 3: 'char', 4: 'block', 5: 'dir', 6: 'fifo' };

/**
 * Summaries of all images of an archive made by `docker save` or `jettison save`.
 *
 * @param {Buffer} archive
 * @param {Map<string, import('./tar.mjs').Member[]>} layers parsed layers by digest, kept between calls
 * @returns {Map<string, string[]>} by each of the images' names
 */
export function summarise(archive, layers) {
  const files = new Map();
  for (const member of readTar(archive)) files.set(member.path, member.data);
  const found = new Map();
  for (const image of JSON.parse(files.get('manifest.json').toString())) {
    const config = JSON.parse(files.get(image.Config).toString());
    const diffs = config.rootfs?.diff_ids ?? [];
    const tree = newDirectory();
    image.Layers.forEach((path, i) => {
      applyLayer(tree, layerOf(files.get(path), diffs[i], layers));
    });
    const lines = [...configLines(config), ...treeLines(tree)];
    for (const name of image.RepoTags) found.set(name, lines);
  }
  return found;
}

function layerOf(bytes, diff, layers) {
  let members = layers.get(diff);
  if (members === undefined) {
    const tar = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
    members = [...readTar(tar)].map(({ data, ...member }) => ({
      ...member,
      size: data.length,
      digest: createHash('sha256').update(data).digest('hex'),
    }));
    layers.set(diff, members);
  }
  return members;
}

/** @param {object} image the config's file, parsed @returns {string[]} */
export function configLines({ config = {}, history = [], rootfs, author, os, architecture, variant }) {
  const lines = [`platform ${os}/${architecture}${variant ? `/${variant}` : ''}`];
  if (author) lines.push(`author ${author}`);
  lines.push(`layers ${(rootfs?.diff_ids ?? []).length}`);
  for (const key of Object.keys(config ?? {}).sort()) {
    // Absent, null, false and "" mean the same to those who read a config.
    if (config[key]) lines.push(`config ${key} ${sortedJson(config[key])}`);
  }
  history.forEach((one, i) => {
    const { created_by: by = '', empty_layer: empty, comment = '', author: who } = one;
    const extra = [empty && 'empty', comment && `comment=${comment}`, who && `author=${who}`];
    lines.push(`history ${i} ${[JSON.stringify(by), ...extra.filter(Boolean)].join(' ')}`);
  });
  return lines;
}

function sortedJson(value) {
  return JSON.stringify(value, (_, part) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function newDirectory() {
  return { facts: undefined, children: new Map() };
}

/** Merges one layer into the tree: what is deleted in it goes before what it brings. */
function applyLayer(root, members) {
  for (const { path } of members) {
    const { parent, name } = split(path);
    if (name === '.wh..wh..opq') find(root, parent)?.children?.clear();
    else if (name.startsWith('.wh.')) find(root, parent)?.children?.delete(name.slice(4));
  }
  for (const member of members) {
    const { parent, name } = split(member.path);
    if (name.startsWith('.wh.')) continue;
    if (name === '') {
      root.facts = member;
      continue;
    }
    const directory = enter(root, parent);
    const existing = directory.children.get(name);
    if (member.type === '1') {
      const target = find(root, member.link.replace(/^(\.?\/)+/, ''));
      if (target === undefined) throw new Error(`${member.path} is a hard link to nothing: ${member.link}`);
      directory.children.set(name, target);
    } else if (member.type === '5' && existing?.children) existing.facts = member;
    else if (member.type === '5') directory.children.set(name, { ...newDirectory(), facts: member });
    else directory.children.set(name, { facts: member });
  }
}

function split(path) {
  const slash = path.lastIndexOf('/');
  return { parent: slash < 0 ? '' : path.slice(0, slash), name: path.slice(slash + 1) };
}

function find(root, path) {
  let node = root;
  for (const name of path === '' ? [] : path.split('/')) node = node?.children?.get(name);
  return node;
}

function enter(root, path) {
  let node = root;
  for (const name of path === '' ? [] : path.split('/')) {
    if (!node.children.get(name)?.children) node.children.set(name, newDirectory());
    node = node.children.get(name);
  }
  return node;
}

function treeLines(root) {
  const all = [];
  const names = new Map();
  const walk = (node, path) => {
    if (path !== '') {
      all.push([path, node]);
      names.set(node, [...(names.get(node) ?? []), path]);
    }
    for (const [name, child] of [...(node.children ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))) {
      walk(child, `${path}/${name}`);
    }
  };
  walk(root, '');
  return all.map(([path, node]) => `tree ${path} ${factsOf(node, names.get(node))}`);
}

function factsOf({ facts }, names) {
  if (facts === undefined) return 'dir implied';
  const { type, mode, uid, gid, size, digest, link, device, mtime, xattrs } = facts;
  const parts = [TYPES[type] ?? type];
  if (type !== '2') parts.push(mode.toString(8).padStart(4, '0'));
  parts.push(`${uid}:${gid}`);
  if (type === '0') parts.push(`${size} bytes`, digest.slice(0, 16));
  if (type === '2') parts.push(`-> ${link}`);
  if (type === '3' || type === '4') parts.push(device);
  if (mtime !== 0 && mtime < NOT_PRESERVED) parts.push(new Date(mtime * 1000).toISOString().slice(0, 19));
  for (const key of Object.keys(xattrs).sort()) parts.push(`${key}=${xattrs[key]}`);
  if (names.length > 1) parts.push(`links ${names.join(' ')}`);
  return parts.join(' ');
}

/**
 * Where two summaries differ: `-` what only the reference has, `+` what only Jettison has.
 *
 * @param {string[]} reference @param {string[]} ours @param {RegExp[]} ignore
 */
export function differences(reference, ours, ignore = []) {
  const skip = (line) => ignore.some((pattern) => pattern.test(line));
  const here = new Set(ours);
  const there = new Set(reference);
  return [
    ...reference.filter((line) => !here.has(line) && !skip(line)).map((line) => `- ${line}`),
    ...ours.filter((line) => !there.has(line) && !skip(line)).map((line) => `+ ${line}`),
  ];
}
