import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { GroupSummary } from '../../../src/contract/index.ts'
import { ownAlarms } from '../api/queries.ts'
import { agentProblemOf, bareGroups } from '../model/agents.ts'
import { texts } from '../texts.ts'

const { coverage: words } = texts.agents

/** How many groups are named; a provider with a server that lost its network has forty of them. */
const namedAtMost = 5

function named(names: readonly string[]): string {
  if (names.length <= namedAtMost) return names.join(', ')
  return `${names.slice(0, namedAtMost).join(', ')} ${words.moreGroups(names.length - namedAtMost)}`
}

/**
 * What nobody watches, with the reason, and what the loss of one agent would leave so. `toAssociations`: with the way to where that is
 * changed, for pages that are not that place.
 */
export function CoverageBanner(props: {
  groups: readonly GroupSummary[] | undefined
  toAssociations?: boolean
}): ReactNode {
  const { data: alarms } = useQuery(ownAlarms)
  const bare = bareGroups(props.groups ?? [])
  const weak = (alarms ?? []).filter((alarm) => agentProblemOf(alarm)?.is === 'no spare agent')
  const link =
    props.toAssociations === true ? (
      <Link to="/agents" search={{ tab: 'associations' }}>
        {words.toAssociations}
      </Link>
    ) : null
  return (
    <>
      {bare.length === 0 ? null : (
        <div className="banner banner-bad" role="status">
          <ul className="banner-lines">
            {bare.slice(0, namedAtMost).map(({ names, isWhole, reason }) => (
              <li key={names[0]}>
                {(isWhole ? words.uncovered : words.partly)(named(names), reason ?? words.noReason)}
              </li>
            ))}
            {bare.length > namedAtMost ? <li>{words.more(bare.length - namedAtMost)}</li> : null}
          </ul>
          {link}
        </div>
      )}
      {weak.length === 0 ? null : (
        <div className="banner" role="status">
          <ul className="banner-lines">
            {weak.slice(0, namedAtMost).map((alarm) => (
              <li key={alarm.id}>
                <Link to="/alarms/$alarm" params={{ alarm: alarm.id }} search={{}} className="banner-link">
                  {alarm.message}
                </Link>
              </li>
            ))}
            {weak.length > namedAtMost ? <li>{words.more(weak.length - namedAtMost)}</li> : null}
          </ul>
          {bare.length === 0 ? link : null}
        </div>
      )}
    </>
  )
}
