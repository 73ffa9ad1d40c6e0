import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import type { Answer } from '../api/call.ts'
import { alarmWhy } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { formatValue } from '../format/values.ts'
import { OutcomeMark, SeverityMark, When } from '../parts/marks.tsx'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { why: words } = texts.watch

/** So many runs tell how it came, or as many as there were until it was raised, and some after it: who is told and what was done stands below them. */
const runsAtFirst = 12
const runsAfter = 4

/** Why an alarm was raised: its row, the values that the row judged, and which rows take the item. */
export function AlarmWhy({ alarm }: { alarm: Answer<'showAlarm'> }): ReactNode {
  const why = useQuery(alarmWhy(alarm.id))
  return (
    <section aria-labelledby="why">
      <h2 className="small-head" id="why">
        {words.title}
      </h2>
      <Present query={why}>{(loaded) => <Loaded why={loaded} alarm={alarm} />}</Present>
    </section>
  )
}

function Loaded({ why, alarm }: { why: Answer<'explainAlarm'>; alarm: Answer<'showAlarm'> }): ReactNode {
  const { rule, runs, rows, unit } = why
  const [isWhole, setWhole] = useState(false)
  const until = runs.findLastIndex((run) => run.plannedAt <= alarm.raisedAt)
  const shown = isWhole ? runs : runs.slice(0, Math.max(runsAtFirst, until + 1 + runsAfter))
  const items = rule === null ? [] : Object.entries(rule.items)
  return (
    <>
      <p className="why-words">
        {why.by === 'rule' ? (rule === null ? words.ruleGone(alarm.rule) : null) : words.by[why.by]}
      </p>
      {rule === null ? null : (
        <div className="why-rule">
          <p>
            {words.row} <strong>{rule.name}</strong>
            {items.length === 0 ? null : (
              <>
                {' '}
                {words.ofItems} <code>{items.map(([label, text]) => `${label}: ${text}`).join(', ')}</code>
              </>
            )}
          </p>
          <ul className="why-thresholds">
            {rule.thresholds.map(({ severity, threshold }) => (
              <li key={severity}>
                <SeverityMark of={severity} /> <code>{threshold}</code>
              </li>
            ))}
            {rule.noData === null ? null : (
              <li>
                <SeverityMark of={rule.noData.severity} /> {words.noData(rule.noData.after)}
              </li>
            )}
          </ul>
          <p className="dim">
            {rule.hold === null ? words.atOnce : words.held(rule.hold)} {words.clears(rule.clearAfter)}
            {rule.hysteresis === null ? '' : ` ${words.hysteresis(rule.hysteresis)}`}
          </p>
        </div>
      )}
      {runs.length === 0 ? null : (
        <table className="why-runs">
          <caption className="visually-hidden">{words.runs}</caption>
          <thead>
            <tr>
              <th>{texts.system.planned}</th>
              <th>{texts.system.outcome}</th>
              <th className="right">{texts.system.value}</th>
              <th>{words.judged}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((run) => (
              <tr key={run.slot} title={run.message ?? formatMoment(run.plannedAt)}>
                <td className="nowrap number">
                  <When at={run.plannedAt} />
                </td>
                <td>
                  <OutcomeMark of={run.outcome} />
                </td>
                <td className="right nowrap number">{formatValue(run.value, unit)}</td>
                <td>{run.severity === null ? texts.common.none : <SeverityMark of={run.severity} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {runs.length === shown.length ? null : (
        <Button size="compact-xs" variant="default" onClick={() => setWhole(true)}>
          {words.moreRuns(runs.length - shown.length)}
        </Button>
      )}
      {rows.length < 2 ? null : (
        <>
          <p className="dim why-rows-head">{words.rows}</p>
          <ol className="why-rows">
            {rows.map((row) => (
              <li key={row.rule}>
                {row.rule} {row.severity === null ? null : <SeverityMark of={row.severity} />}
                {row.exclusive ? <span className="tag">{words.exclusive}</span> : null}
                {row.alarm ? null : <span className="tag">{words.noAlarm}</span>}
              </li>
            ))}
          </ol>
        </>
      )}
    </>
  )
}
