import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { AlarmAnswer } from '../../../src/contract/index.ts'
import { texts } from '../texts.ts'
import { Ago, SeverityMark } from './marks.tsx'

/** Open alarms of one thing, a line each. `group` narrows the list that the way there leads to. */
export function AlarmLines({ alarms, group }: { alarms: readonly AlarmAnswer[]; group?: string }): ReactNode {
  return (
    <ul className="alarm-lines">
      {alarms.map((alarm) => (
        <li key={alarm.id} className={`alarm-line edge-${alarm.severity}`}>
          <SeverityMark of={alarm.severity} />
          <Link
            to="/alarms/$alarm"
            params={{ alarm: alarm.id }}
            search={group === undefined ? {} : { group }}
            className="alarm-line-message"
          >
            {alarm.message}
          </Link>
          <span className="dim nowrap">
            {alarm.acknowledgedBy === null
              ? texts.alarmState.raised
              : `${texts.alarmState.acknowledged}: ${alarm.acknowledgedBy}`}
          </span>
          <span className="dim nowrap">
            <Ago at={alarm.raisedAt} />
          </span>
        </li>
      ))}
    </ul>
  )
}
