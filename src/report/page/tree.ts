import { type HierarchyRectangularNode, hierarchy, treemap, treemapSquarify } from 'd3-hierarchy';
import type { Groups } from './groups.ts';
import type { File } from './model.ts';

/** A directory, a group of files, or a file. Directories with nothing but one directory in them are one node. */
export interface Node {
  name: string;
  /** Of files and directories relative to the root; unique in the tree. */
  path: string;
  bytes: number;
  files: number;
  parent: Node | undefined;
  /** Largest first; undefined for files. */
  children: Node[] | undefined;
  file?: File;
}

/** @param nest groups that come above the directories */
export function buildTree(files: readonly File[], nest: Groups | undefined): Node {
  const root: Node = branch('', '', undefined);
  const branches = new Map<string, Node>();
  for (const file of files) {
    const top = nest === undefined ? '' : `${nest.of(file).label}:/`;
    const slash = file.path.lastIndexOf('/');
    const parent = branchOf(branches, root, top, slash < 0 ? '' : file.path.slice(0, slash));
    const { bytes, path } = file;
    parent.children!.push({
      ...{
        name: path.slice(slash + 1),
        path: top + path,
        bytes,
        files: 1,
        parent,
        children: undefined,
        file,
      },
    });
    for (let node: Node | undefined = parent; node !== undefined; node = node.parent) {
      node.bytes += bytes;
      node.files++;
    }
  }
  settle(root);
  return root;
}

function branch(name: string, path: string, parent: Node | undefined): Node {
  return { name, path, bytes: 0, files: 0, parent, children: [] };
}

function branchOf(branches: Map<string, Node>, root: Node, top: string, directory: string): Node {
  const path = top + directory;
  if (path === '') return root;
  const known = branches.get(path);
  if (known !== undefined) return known;
  const slash = directory.lastIndexOf('/');
  const parent =
    directory === '' ? root : branchOf(branches, root, top, slash < 0 ? '' : directory.slice(0, slash));
  const made = branch(directory === '' ? top.slice(0, -2) : directory.slice(slash + 1), path, parent);
  parent.children!.push(made);
  branches.set(path, made);
  return made;
}

/** Sorts, and joins directories that have nothing but one directory. Without recursion: paths may be deep. */
function settle(root: Node): void {
  const todo = [root];
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    while (node !== root && node.children!.length === 1 && node.children![0]!.children !== undefined) {
      const [only] = node.children as [Node];
      node.name = `${node.name}/${only.name}`;
      node.path = only.path;
      node.children = only.children;
      for (const child of node.children!) child.parent = node;
    }
    node.children!.sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1));
    for (const child of node.children!) if (child.children !== undefined) todo.push(child);
  }
}

/** The deepest node at or above a path. */
export function nodeAt(root: Node, path: string): Node {
  let node = root;
  for (;;) {
    const next: Node | undefined = node.children?.find(
      (child) => child.path === path || isIn(path, child.path) || isIn(child.path, path),
    );
    if (next === undefined || path === '') return node;
    if (next.children === undefined || next.path.length >= path.length) return next;
    node = next;
  }
}

function isIn(path: string, directory: string): boolean {
  return path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}

/** Nodes of one directory that are too small to be drawn. */
export interface Rest {
  nodes: Node[];
  bytes: number;
}

/** A rectangle of the treemap: a node, or the rest of a directory's, which are too small to be drawn. */
export interface Rect {
  node: Node;
  /** Of a rest: `node` is its directory. */
  rest?: Rest;
  level: number;
  /** Its directory's rectangle: a position in the list. */
  parent: number;
  x: number;
  y: number;
  width: number;
  height: number;
  /** It has others inside, and a line on top of them for its name. */
  isOpen: boolean;
  hasHeader: boolean;
}

interface Shape {
  node: Node;
  rest?: Rest;
  value: number;
  children?: Shape[];
}

/** Square pixels below which nothing is drawn by itself. */
const MIN_AREA = 60;
const HEADER = 17;
const MIN_HEADER = { width: 44, height: 34 };

/** Lays a node out in so many pixels; the list is in drawing order, the node itself first. */
export function layOut(top: Node, width: number, height: number): Rect[] {
  if (top.bytes === 0 || width < 1 || height < 1) return [];
  const scale = (width * height) / top.bytes;
  const shapes = hierarchy<Shape>({ node: top, value: top.bytes }, ({ node, rest }) =>
    rest === undefined ? shapesIn(node, scale, node === top) : undefined,
  );
  // Not `sum`: what is not drawn counts, too.
  shapes.each((shape) => {
    (shape as { value?: number }).value = shape.data.value;
  });
  const hasHeader = (shape: HierarchyRectangularNode<Shape>) =>
    shape.depth > 0 && shape.x1 - shape.x0 >= MIN_HEADER.width && shape.y1 - shape.y0 >= MIN_HEADER.height;
  const placed = treemap<Shape>()
    .size([width, height])
    .tile(treemapSquarify.ratio(1.4))
    .paddingOuter((shape) => (shape.depth === 0 ? 0 : 1))
    .paddingInner(1)
    .paddingTop((shape) => (hasHeader(shape) ? HEADER : shape.depth === 0 ? 0 : 1))(shapes);
  const rects: Rect[] = [];
  const positions = new Map<HierarchyRectangularNode<Shape>, number>();
  placed.eachBefore((shape) => {
    const { x0, y0, x1, y1, depth, data } = shape;
    const isOpen = shape.children !== undefined;
    if (depth > 0 && (x1 - x0 < 1 || y1 - y0 < 1)) return;
    const parent = shape.parent === null ? 0 : (positions.get(shape.parent) ?? 0);
    positions.set(shape, rects.length);
    rects.push({
      ...{ node: data.node, level: depth, parent, x: x0, y: y0, width: x1 - x0, height: y1 - y0 },
      ...{ isOpen, hasHeader: isOpen && hasHeader(shape) },
      ...(data.rest && { rest: data.rest }),
    });
  });
  return rects;
}

function shapesIn(node: Node, scale: number, isTop: boolean): Shape[] | undefined {
  if (node.children === undefined || (!isTop && node.bytes * scale < MIN_AREA * 4)) return undefined;
  const large: Shape[] = [];
  const rest: Rest = { nodes: [], bytes: 0 };
  for (const child of node.children) {
    if (child.bytes * scale >= MIN_AREA) large.push({ node: child, value: child.bytes });
    else if (child.bytes > 0) {
      rest.nodes.push(child);
      rest.bytes += child.bytes;
    }
  }
  if (large.length === 0) return undefined;
  if (rest.nodes.length > 0) large.push({ node, rest, value: rest.bytes });
  return large;
}

/** The group that has most of some nodes' bytes. */
export function mainGroup(nodes: readonly Node[], groups: Groups) {
  const sums = sumsBy(nodes, (file) => groups.of(file));
  return sums[0]?.[0];
}

/** Bytes of the files in some nodes, by what `key` gives for each; the largest first. */
export function sumsBy<K>(nodes: readonly Node[], key: (file: File) => K): [K, number][] {
  const sums = new Map<K, number>();
  for (const file of filesIn(nodes)) {
    const of = key(file);
    sums.set(of, (sums.get(of) ?? 0) + file.bytes);
  }
  return [...sums].sort((a, b) => b[1] - a[1]);
}

function* filesIn(nodes: readonly Node[]): Generator<File> {
  const todo = [...nodes];
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    if (at.file !== undefined) yield at.file;
    for (const child of at.children ?? []) todo.push(child);
  }
}
