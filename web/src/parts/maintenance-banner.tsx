import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { maintenancesOf } from '../api/admin-queries.ts'
import { formatMomentShort } from '../format/times.ts'
import { texts } from '../texts.ts'
import { useNow } from './use-now.ts'

const { maintenance: words } = texts

/** On the page of a system that is in maintenance: by which window, until when, and why. Nothing where it is in none. */
export function MaintenanceBanner({ group, system }: { group: string; system: string }): ReactNode {
  const { data } = useQuery(maintenancesOf(group, system))
  const now = useNow(60_000)
  if (data === undefined || data.length === 0) return null
  return (
    <div className="banner maintenance-banner" role="status">
      <ul className="banner-lines">
        {data.map(({ name, next, reason, checks }) => (
          <li key={name}>
            {words.banner(name, formatMomentShort(next?.to ?? null, now))}
            {checks === 'run' ? words.bannerRun : words.bannerSkip} {reason}
          </li>
        ))}
      </ul>
      <Link to="/administration" search={{ tab: 'maintenance' }}>
        {words.toWindows}
      </Link>
    </div>
  )
}
