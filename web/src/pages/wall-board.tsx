import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useMemo, type ReactNode } from 'react'
import type { SystemBrief } from '../../../src/contract/index.ts'
import { useLiveState } from '../api/live.ts'
import { groups as groupsQuery, openAlarms, status as statusQuery, systems as systemsQuery } from '../api/queries.ts'
import { formatMomentShort, formatMoment } from '../format/times.ts'
import { formatShare } from '../format/values.ts'
import { byUrgency, filterSystems, isFiltered, severitiesDown, type SystemFilter } from '../model/overview.ts'
import { byWorst } from '../model/alarms.ts'
import { Ago } from '../parts/marks.tsx'
import { Failure, Waiting } from '../parts/states.tsx'
import { useNow } from '../parts/use-now.ts'
import { texts } from '../texts.ts'

const { wall: words } = texts.watch
/** More tiles than this cannot be read from across a room. */
const mostTiles = 48
const mostAlarms = 12

/** The whole screen, without anything to click, to be read from across a room. The filter of the overview holds here, too. */
export function WallBoard({ filter, leave }: { filter: SystemFilter; leave: () => void }): ReactNode {
  const groups = useQuery(groupsQuery)
  const systems = useQuery(systemsQuery)
  const status = useQuery(statusQuery)
  const alarms = useQuery(openAlarms(filter.group === '' ? {} : { group: filter.group }))
  const now = useNow(1_000)
  const live = useLiveState()

  useEffect(() => {
    const root = document.documentElement
    // Refused where nobody clicked, such as when the address was opened: the board then fills the window.
    void root.requestFullscreen().catch(() => undefined)
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') leave()
    }
    window.addEventListener('keydown', onKey)
    return () => {
      window.removeEventListener('keydown', onKey)
      if (document.fullscreenElement !== null) void document.exitFullscreen().catch(() => undefined)
    }
  }, [leave])

  const within = useMemo(() => filterSystems(systems.data ?? [], filter), [systems.data, filter])
  const failed = groups.error ?? systems.error
  if (groups.data === undefined || systems.data === undefined) {
    return <div className="wall">{failed === null ? <Waiting /> : <Failure error={failed} />}</div>
  }
  const shown = groups.data.filter(({ name }) => !isFiltered(filter) || within.has(name)).toSorted(byUrgency)
  const worst = (alarms.data ?? []).toSorted(byWorst)
  const counts = severitiesDown.map((severity) => ({
    severity,
    n: worst.filter((alarm) => alarm.severity === severity).length,
  }))
  return (
    <div className="wall">
      <header className="wall-head">
        <h1 className="wall-title">{filter.group === '' ? texts.product : filter.group}</h1>
        <div className="wall-counts">
          {worst.length === 0 ? (
            <span className="wall-count sev-CLEAR">{texts.overview.noAlarms}</span>
          ) : (
            counts
              .filter(({ n }) => n > 0)
              .map(({ severity, n }) => (
                <span key={severity} className={`wall-count sev-${severity}`}>
                  {n.toLocaleString('en')} {texts.severity[severity]}
                </span>
              ))
          )}
        </div>
        {status.data === undefined ? null : (
          <div className="wall-facts">
            <span>
              {texts.overview.coverage} <strong>{formatShare(status.data.coverage.share)}</strong>
            </span>
            <span>
              {texts.overview.agents}{' '}
              <strong>
                {status.data.agents.online} / {status.data.agents.online + status.data.agents.offline}
              </strong>
            </span>
          </div>
        )}
        <div className="wall-end">
          <time className="wall-clock">{formatMoment(now).slice(11, 16)}</time>
          <span className={live.is === 'live' ? 'dim' : 'bad'} role="status">
            {live.is === 'live' ? texts.live.live : words.notLive(formatMomentShort(live.since, now))}
          </span>
          <Button size="compact-sm" variant="default" onClick={leave}>
            {words.leave}
          </Button>
        </div>
      </header>
      <div className="wall-body">
        <ul className="wall-tiles" aria-label={texts.overview.group}>
          {shown.slice(0, mostTiles).map((group) => (
            <li
              key={group.name}
              className={`wall-tile ${group.worst === 'CLEAR' && group.state === 'UNCOVERED' ? 'mark-uncovered' : `sev-${group.worst}`}`}
            >
              <strong className="ellipsis">{group.name}</strong>
              <span>
                {group.worst === 'CLEAR' && group.state === 'UNCOVERED'
                  ? texts.state.UNCOVERED
                  : texts.severity[group.worst]}
                {' · '}
                {texts.overview.systemsIn(within.get(group.name)?.length ?? 0)}
              </span>
              <Unwell of={within.get(group.name) ?? []} />
            </li>
          ))}
          {shown.length > mostTiles ? (
            <li className="wall-tile mark-none">{words.more(shown.length - mostTiles)}</li>
          ) : null}
        </ul>
        {worst.length === 0 ? null : (
          <ol className="wall-alarms" aria-label={texts.overview.openAlarms}>
            {worst.slice(0, mostAlarms).map((alarm) => (
              <li key={alarm.id} className={`edge-${alarm.severity}`}>
                <Link to="/alarms/$alarm" params={{ alarm: alarm.id }} search={{}}>
                  {alarm.message}
                </Link>
                <span className="dim nowrap">
                  <Ago at={alarm.raisedAt} />
                </span>
              </li>
            ))}
            {worst.length > mostAlarms ? <li className="dim">{words.moreAlarms(worst.length - mostAlarms)}</li> : null}
          </ol>
        )}
      </div>
    </div>
  )
}

const mostUnwell = 4

/** Which of a group's systems are not well, by name. */
function Unwell({ of }: { of: readonly SystemBrief[] }): ReactNode {
  const names = of.filter(({ worst, state }) => worst !== 'CLEAR' || state === 'UNCOVERED').map(({ name }) => name)
  if (names.length === 0) return null
  const left = names.length - mostUnwell
  return (
    <span className="wall-unwell">
      {names.slice(0, mostUnwell).join(', ')}
      {left > 0 ? ` ${words.moreSystems(left)}` : ''}
    </span>
  )
}
