import { UnstyledButton } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Outcome, Severity, SeverityOrClear } from '../../../src/model/index.ts'
import { formatAgo, formatMoment, formatMomentShort } from '../format/times.ts'
import { formatShare } from '../format/values.ts'
import { severitiesDown } from '../model/overview.ts'
import { texts } from '../texts.ts'
import { useNow } from './use-now.ts'

/** A severity as a word on its colour: never by colour alone. */
export function SeverityMark({ of }: { of: SeverityOrClear }): ReactNode {
  return <span className={`mark sev-${of}`}>{texts.severity[of]}</span>
}

/** How something is: its worst alarm, or that nobody watches it. */
export function StateMark({
  worst,
  state,
}: {
  worst: SeverityOrClear
  state: 'covered' | 'UNCOVERED' | 'no tasks'
}): ReactNode {
  if (worst === 'CLEAR' && state === 'UNCOVERED') {
    return (
      <span className="mark mark-uncovered" title={texts.state.uncoveredHint}>
        {texts.state.UNCOVERED}
      </span>
    )
  }
  if (worst === 'CLEAR' && state === 'no tasks') {
    return (
      <span className="mark mark-none" title={texts.state.noTasksHint}>
        {texts.state.noTasks}
      </span>
    )
  }
  return <SeverityMark of={worst} />
}

export function OutcomeMark({ of }: { of: Outcome | null }): ReactNode {
  if (of === null) return <span className="mark mark-none">{texts.system.never}</span>
  return <span className={`mark out-${of}`}>{texts.outcome[of]}</span>
}

/** Counts of open alarms by severity, worst first; nothing where there are none. */
export function AlarmCounts({ of }: { of: Readonly<Record<Severity, number>> }): ReactNode {
  return (
    <span className="counts">
      {severitiesDown.map((severity) =>
        of[severity] === 0 ? null : (
          <span
            key={severity}
            className={`count sev-${severity}`}
            title={`${of[severity]} ${texts.severity[severity]}`}
          >
            {of[severity].toLocaleString('en')}
            <span className="visually-hidden"> {texts.severity[severity]}</span>
          </span>
        ),
      )}
    </span>
  )
}

/** The counts of the whole instance, each a way to its alarms. */
export function AlarmCountLinks({ of }: { of: Readonly<Record<Severity, number>> }): ReactNode {
  const some = severitiesDown.filter((severity) => of[severity] > 0)
  if (some.length === 0) return <span className="mark sev-CLEAR">{texts.overview.noAlarms}</span>
  return (
    <span className="counts">
      {some.map((severity) => (
        <UnstyledButton
          key={severity}
          className={`mark sev-${severity}`}
          renderRoot={(props) => <Link to="/alarms" search={{ severity }} {...props} />}
        >
          {of[severity].toLocaleString('en')} {texts.severity[severity]}
        </UnstyledButton>
      ))}
    </span>
  )
}

/** A share of coverage; anything short of whole is set off. */
export function CoverageShare({ of }: { of: number | null }): ReactNode {
  return (
    <span className={of === null ? 'dim' : of >= 0.999 ? '' : of >= 0.99 ? 'cover-near' : 'cover-low'}>
      {formatShare(of)}
    </span>
  )
}

/** How long ago, kept current; the exact moment on pointing at it. */
export function Ago({ at }: { at: string | number | null }): ReactNode {
  const now = useNow(10_000)
  if (at === null) return <span className="dim">{texts.common.none}</span>
  return (
    <time dateTime={new Date(at).toISOString()} title={formatMoment(at)}>
      {formatAgo(at, now)}
    </time>
  )
}

/** A moment, short where it is of today. */
export function When({ at }: { at: string | number }): ReactNode {
  const now = useNow(60_000)
  return (
    <time dateTime={new Date(at).toISOString()} title={formatMoment(at)}>
      {formatMomentShort(at, now)}
    </time>
  )
}

export function Tags({ of }: { of: Readonly<Record<string, string>> }): ReactNode {
  return (
    <span className="tags">
      {Object.entries(of).map(([key, value]) => (
        <span key={key} className="tag" title={`${key}=${value}`}>
          {value === '' ? key : `${key}=${value}`}
        </span>
      ))}
    </span>
  )
}
