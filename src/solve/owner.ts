import { resolvePath, type Tree } from '../layer/tree.ts';
import type { Step } from '../plan/plan.ts';
import { needsAccounts, type Owner, resolveOwner } from './copy/chown.ts';
import type { SolvedLayer, StepGraph } from './graph.ts';
import type { SolveContext } from './solve-context.ts';

/** Maximum bytes of /etc/passwd and /etc/group. */
const ACCOUNTS_LIMIT = 16 << 20;

/**
 * Resolves the owner of an instruction by the accounts of the image at that point. Unknown names are warnings.
 *
 * @param request.spec `user[:group]`, names or numbers
 * @param request.origin the flag or instruction, for messages: `--chown=app`
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
  // As in BuildKit, names mean root if the image lacks the file, and are errors without any layer below.
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
          ? 'The files will belong to root: create the user in an earlier RUN, or write its number.'
          : "The files get the user's primary group: create the group in an earlier RUN, or write its number.",
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
