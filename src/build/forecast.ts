import { type Proposal, propose } from './forecast-proposals.ts';
import { type ForecastOptions, type HistoryForecast, openHistory } from './opened-history.ts';
import { checkOptions } from './options.ts';

export interface ForecastResult extends HistoryForecast {
  /** What would make less run, each with its own forecast. */
  proposals: Proposal[];
}

/**
 * Replays the history of a context's repository against a Dockerfile: which instructions would have run in each build.
 * Nothing is built or checked out, and nothing is written.
 *
 * @throws JettisonError `GIT_…`, and whatever stops a build of today
 */
export async function forecast(options: ForecastOptions): Promise<ForecastResult> {
  checkOptions(options, ['commits', 'since', 'branch', 'asCommitted', 'only']);
  const history = await openHistory(options);
  try {
    const today = await history.today();
    const found = await history.forecast(today);
    // What was built with other Dockerfiles says nothing of changes of this one.
    if (options.asCommitted || found.commits === 0) return { ...found, proposals: [] };
    const { proposals } = await propose(history, today, found, options.only);
    return { ...found, proposals };
  } finally {
    history.close();
  }
}
