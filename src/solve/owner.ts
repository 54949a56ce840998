import { resolvePath, type Tree } from '../layer/tree.ts';
import type { Step } from '../plan/plan.ts';
import { needsAccounts, type Owner, resolveOwner } from './copy/chown.ts';
import type { SolvedLayer, StepGraph } from './graph.ts';
import type { SolveContext } from './solve-context.ts';

/** More than any /etc/passwd has, in bytes. */
const ACCOUNTS_LIMIT = 16 << 20;

/**
 * The ids behind the names that an instruction gives, as the accounts of the image say at that point. Names that
 * they do not have are warned of.
 *
 * @param request.spec `user[:group]`, names or numbers
 * @param request.origin what asks, for messages: `--chown=app`
 */
export async function readOwner(
  context: SolveContext,
  graph: StepGraph,
  below: readonly SolvedLayer[],
  request: { spec: string; origin: string; step: Step },
): Promise<Owner> {
  const { spec, origin, step } = request;
  const needs = needsAccounts(spec);
  if (!needs.passwd && !needs.group) return resolveOwner(spec, undefined, undefined, origin);
  const tree = await graph.tree(below);
  // Names mean root where the image has no such file; where there is no image they are an error, as in BuildKit.
  const missing = below.length === 0 ? undefined : '';
  const passwd = needs.passwd ? ((await readText(context, tree, '/etc/passwd')) ?? missing) : undefined;
  const group = needs.group ? ((await readText(context, tree, '/etc/group')) ?? missing) : undefined;
  return resolveOwner(spec, passwd, group, origin, (what, name) =>
    context.emit({
      type: 'warning',
      code: 'OwnerUnknown',
      message: `${origin}: /etc/${what === 'user' ? 'passwd' : 'group'} of the image has no ${what} "${name}"`,
      location: step.location,
      hint:
        what === 'user'
          ? 'The files become those of root: create the user in a RUN before, or write its number.'
          : "The files get the user's own group: create the group in a RUN before, or write its number.",
    }),
  );
}

async function readText(context: SolveContext, tree: Tree, path: string): Promise<string | undefined> {
  const { entry } = resolvePath(tree, path);
  if (entry?.type !== 'file' || entry.source === undefined) return undefined;
  const [file] = await context.resolveSources([entry]);
  const worker = await context.worker();
  const bytes = await worker.read({ source: file!.source!, limit: ACCOUNTS_LIMIT });
  return Buffer.from(bytes).toString('utf8');
}
