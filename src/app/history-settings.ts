import { defaultIngestSettings } from '../ingest/index.ts'
import type { Settings } from '../platform/index.ts'
import type { HistorySettings } from './history-store.ts'

const dayMs = 86_400_000

/** The settings of the instance that the history takes, in its own words. */
export function historySettings(values: Settings): HistorySettings {
  const { resultRetention } = values
  return {
    ingest: {
      results:
        resultRetention.keep === 'all'
          ? { keep: 'all' }
          : resultRetention.keep === 'statistics'
            ? { keep: 'statistics only' }
            : { keep: 'longer than', ms: resultRetention.ms },
      resultsMs: values.resultRetentionDays * dayMs,
      // The ledger and the statistics are small, and are asked for in yearly reports: as long as the coarsest metrics.
      coverageMs: values.rollup1hRetentionDays * dayMs,
      lostAfterMs: defaultIngestSettings.lostAfterMs,
    },
    metrics: {
      rawMs: values.rawRetentionDays * dayMs,
      fiveMinutesMs: values.rollup5mRetentionDays * dayMs,
      hoursMs: values.rollup1hRetentionDays * dayMs,
      seriesPerConnector: values.seriesPerConnector,
    },
  }
}
