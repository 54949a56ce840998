import { type Proposal, propose } from './forecast-proposals.ts';
import { type ForecastOptions, type HistoryForecast, openHistory } from './opened-history.ts';
import { checkOptions } from './options.ts';

export interface ForecastResult extends HistoryForecast {
  /** Changes with which fewer steps would run, each with its own forecast. */
  proposals: Proposal[];
}

/**
 * Replays the history of a context's repository against a Dockerfile, to find which instructions each build would have
 * executed. It neither builds, nor checks out, nor writes anything.
 *
 * @throws JettisonError `GIT_…`, and the errors that stop a build of today
 */
export async function forecast(options: ForecastOptions): Promise<ForecastResult> {
  checkOptions(options, ['commits', 'since', 'branch', 'asCommitted', 'only']);
  const history = await openHistory(options);
  try {
    const today = await history.today();
    const found = await history.forecast(today);
    // Builds with other Dockerfiles cannot be compared with changes of this one.
    if (options.asCommitted || found.commits === 0) return { ...found, proposals: [] };
    const { proposals } = await propose(history, today, found, options.only);
    return { ...found, proposals };
  } finally {
    history.close();
  }
}
