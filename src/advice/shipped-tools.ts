import { bytesOf } from '../inspect/leaf.ts';
import type { ImageFacts } from './image-facts.ts';

/** A tool in an image: all its bytes, and the layer of its first file. */
export interface ShippedTool {
  bytes: number;
  layer: number;
}

/** npm and its like, with the packages in them. */
const INSTALLED = /(?:^|\/)lib\/node_modules\/((?:@[^/]+\/)?[^/]+)\//;
const COMPILER =
  /^(gcc|g\+\+|cpp|clang|llvm|binutils|make|cmake|build-base|build-essential|rustc|go|golang)([-.\d].*)?$/;

/** Package managers, compilers and shells of an image by the names of their packages, else by their paths. */
export function toolsOf({ census }: ImageFacts): Map<string, ShippedTool> {
  const tools = new Map<string, ShippedTool>();
  for (const leaf of census.leaves.values()) {
    if (leaf.kind !== 'tool') continue;
    const name = INSTALLED.exec(leaf.path)?.[1] ?? leaf.owner?.name ?? leaf.path;
    const tool = tools.get(name) ?? { bytes: 0, layer: leaf.layer };
    tool.bytes += bytesOf(leaf);
    tools.set(name, tool);
  }
  return tools;
}

/** Whether a package has a compiler, or what works for one. */
export function isCompiler(name: string): boolean {
  return COMPILER.test(name);
}
