import type { Edit, Proposer, Subject } from '../forecast/proposals/proposal.ts';
import { PROPOSERS } from '../forecast/proposals/proposals.ts';
import type { Forecast } from '../forecast/run-counts.ts';
import type { OpenedHistory, Recipe } from './opened-history.ts';
import { checkNames } from './options.ts';

/** A saving of less time than this, or of less than a twentieth, is not worth another stage. */
const LEAST_SAVED_MS = 100;

/** Executed steps of all commits together. */
export interface Totals {
  /** Number of RUNs. */
  commands: number;
  /** Number of COPYs, ADDs and WORKDIRs. */
  copies: number;
  /** Average milliseconds of a build; absent if the time of a command is unknown. */
  expectedMs?: number;
}

export interface Proposal {
  id: string;
  summary: string;
  reservation?: string;
  before: Totals;
  after: Totals;
}

export interface Proposed {
  proposals: Proposal[];
  /** All proposals applied, one after the other; absent without any. */
  all?: Edit;
}

/**
 * Changes of the Dockerfile and its ignore file that would have saved executed steps, each replayed alone; and all of
 * them combined.
 *
 * @throws JettisonError `PROPOSAL_UNKNOWN`
 */
export async function propose(
  history: OpenedHistory,
  today: Recipe,
  found: Forecast,
  only: readonly string[] = [],
): Promise<Proposed> {
  const ids = PROPOSERS.map(({ id }) => id);
  checkNames(only, ids, { code: 'PROPOSAL_UNKNOWN', kind: 'proposal' });
  const before = totals(found);
  const start = { dockerfile: history.text.text, ignoreText: history.text.ignoreText };
  const proposals: Proposal[] = [];
  let all: Edit | undefined;
  for (const { id, saves, propose } of PROPOSERS) {
    if (only.length > 0 && !only.includes(id)) continue;
    const edit = propose(subjectOf(history, today, found, start));
    if (edit === undefined) continue;
    const recipe = await recipeOf(history, edit);
    const forecast = await history.forecast(recipe);
    const after = totals(forecast);
    if (forecast.failed.length > found.failed.length || !isBetter(saves, before, after)) continue;
    const { summary, reservation } = edit;
    proposals.push({ id, summary, ...(reservation === undefined ? {} : { reservation }), before, after });
    const onTop =
      all === undefined ? edit : propose(subjectOf(history, await recipeOf(history, all), found, all));
    if (onTop !== undefined)
      all = {
        ...onTop,
        ...(onTop.ignoreText === undefined && all?.ignoreText !== undefined
          ? { ignoreText: all.ignoreText }
          : {}),
      };
  }
  return { proposals, ...(all === undefined ? {} : { all }) };
}

function isBetter(saves: Proposer['saves'], before: Totals, after: Totals): boolean {
  if (saves === 'fetches') return true;
  if (after.commands > before.commands) return false;
  if (saves === 'runs') return after.commands < before.commands || after.copies < before.copies;
  const [then, now] = [before.expectedMs, after.expectedMs];
  return then !== undefined && now !== undefined && then - now > Math.max(LEAST_SAVED_MS, then / 20);
}

function recipeOf(history: OpenedHistory, { dockerfile, ignoreText }: Edit): Promise<Recipe> {
  const { name, ignoreName } = history.text;
  return history.recipe({ text: dockerfile, name }, ignoreText ?? history.text.ignoreText, ignoreName);
}

function subjectOf(
  history: OpenedHistory,
  recipe: Recipe,
  { files }: Forecast,
  { ignoreText = history.text.ignoreText }: { ignoreText?: string | undefined },
): Subject {
  const context = history.latest(recipe);
  return {
    dockerfile: recipe.dockerfile,
    plan: recipe.plan,
    ignoreText,
    file: (path) => history.textIn(context, path),
    has: (path) => context.get(path) !== undefined,
    causes: files,
    records: history.records(),
  };
}

function totals({ steps, rebuild }: Forecast): Totals {
  const sum = (isCommand: boolean) =>
    steps.filter(({ kind }) => (kind === 'run') === isCommand).reduce((all, { runs }) => all + runs, 0);
  const isKnown = rebuild.unknown.length === 0;
  return { commands: sum(true), copies: sum(false), ...(isKnown && { expectedMs: rebuild.expectedMs }) };
}
