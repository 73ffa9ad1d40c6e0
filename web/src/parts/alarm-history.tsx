import { SegmentedControl } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { alarmCounts } from '../api/queries.ts'
import { formatMoment, formatTicks } from '../format/times.ts'
import { outline, stacked } from '../model/alarm-history.ts'
import { ranges, type RangeName } from '../model/range.ts'
import { texts } from '../texts.ts'
import { Failure, Stale } from './states.tsx'

const { history: words } = texts.watch
export const historySpans = ['1h', '24h', '7d', '30d'] as const satisfies readonly RangeName[]
export type HistorySpan = (typeof historySpans)[number]
const box = { width: 960, height: 90 }
const ticks = 5

/** How many alarms were open over time, by severity. */
export function AlarmHistory(props: {
  readonly span: HistorySpan
  readonly group: string
  readonly onSpan: (span: HistorySpan) => void
}): ReactNode {
  const { span, group, onSpan } = props
  const counts = useQuery({
    ...alarmCounts(ranges[span], group === '' ? undefined : group),
    placeholderData: keepPreviousData,
  })
  return (
    <section className="sheet alarm-history" aria-label={words.title}>
      <div className="alarm-history-head">
        <span className="label">{words.title}</span>
        <SegmentedControl
          size="xs"
          aria-label={texts.system.range}
          value={span}
          onChange={(value) => {
            const chosen = historySpans.find((one) => one === value)
            if (chosen !== undefined) onSpan(chosen)
          }}
          data={[...historySpans]}
        />
      </div>
      {counts.data === undefined ? (
        counts.error === null ? (
          <div className="alarm-history-place" />
        ) : (
          <Failure error={counts.error} again={() => void counts.refetch()} />
        )
      ) : (
        <>
          <Stale query={counts} />
          <Drawn at={counts.data.at} open={counts.data.open} />
        </>
      )}
    </section>
  )
}

function Drawn({ at, open }: { at: readonly number[]; open: Parameters<typeof stacked>[0] }): ReactNode {
  const { layers, highest } = stacked(open)
  // From where the first part begins to where the last one ends.
  const last = at.at(-1)! + (at[1] ?? at[0]!) - at[0]!
  const moments = Array.from({ length: ticks }, (_, i) => at[0]! + (i * (last - at[0]!)) / (ticks - 1))
  const labels = formatTicks(moments, (last - at[0]!) / (ticks - 1))
  if (highest === 0) return <p className="quiet alarm-history-none">{words.none}</p>
  const now = layers.map(({ severity, foot, top }) => words.now(top.at(-1)! - foot.at(-1)!, texts.severity[severity]))
  return (
    <>
      <div className="alarm-history-plot">
        <span className="alarm-history-most" aria-hidden="true">
          {highest.toLocaleString('en')}
        </span>
        <svg
          viewBox={`0 0 ${box.width} ${box.height}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={words.summary(now.join(', '), highest)}
        >
          {layers.map((layer) => (
            <path
              key={layer.severity}
              d={outline(layer, highest, box.width, box.height)}
              className={`layer-${layer.severity}`}
            />
          ))}
        </svg>
      </div>
      <div className="alarm-history-ticks" aria-hidden="true">
        {labels.map((label, i) => (
          <span key={i} title={formatMoment(moments[i]!)}>
            {label.replace('\n', ', ')}
          </span>
        ))}
      </div>
      <ul className="alarm-history-key">
        {layers.map(({ severity }) => (
          <li key={severity}>
            <span className={`layer-key layer-${severity}`} aria-hidden="true" />
            {texts.severity[severity]}
          </li>
        ))}
      </ul>
    </>
  )
}
