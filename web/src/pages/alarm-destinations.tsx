import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { ApiError, type Answer } from '../api/call.ts'
import { alarmDestinations } from '../api/queries.ts'
import { When } from '../parts/marks.tsx'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { destinations: words } = texts.watch

/** Who is told of an alarm: every plugin, whether the next step goes there, why, and what became of the steps so far. */
export function AlarmDestinations({ alarm }: { alarm: Answer<'showAlarm'> }): ReactNode {
  const destinations = useQuery(alarmDestinations(alarm.id))
  const forbidden = destinations.error instanceof ApiError && destinations.error.status === 403
  return (
    <section aria-labelledby="destinations">
      <h2 className="small-head" id="destinations">
        {words.title}
      </h2>
      {forbidden ? (
        <p className="quiet">{texts.common.notAllowed}</p>
      ) : (
        <Present query={destinations}>{(rows) => <Loaded rows={rows} />}</Present>
      )}
    </section>
  )
}

function Loaded({ rows }: { rows: Answer<'listAlarmDestinations'> }): ReactNode {
  return (
    <>
      {rows.some(({ goes }) => goes) ? null : <p className="quiet">{words.nowhere}</p>}
      <ul className="destinations">
        {rows.map(({ plugin, goes, because, deliveries }) => (
          <li key={plugin}>
            <span className="destination-line">
              <Link to="/plugins" search={{ plugin }}>
                {plugin}
              </Link>
              <span className={`mark ${goes ? 'sev-CLEAR' : 'mark-none'}`}>{goes ? words.goes : words.doesNot}</span>
              <span className="dim">{because}</span>
            </span>
            {deliveries.length === 0 ? null : (
              <ul className="destination-steps">
                {deliveries.map((step) => (
                  <li key={step.id}>
                    <span>{step.event}</span>
                    <span className={step.state === 'dead' ? 'bad' : 'dim'}>{texts.plugins.state[step.state]}</span>
                    <span className="dim">
                      <When at={step.finishedAt ?? step.queuedAt} />
                    </span>
                    {step.message === '' ? null : <span className="dim break">{step.message}</span>}
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
    </>
  )
}
