import { Button, Title } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Agent, ConnectorPlace } from '../../../src/contract/index.ts'
import { placementOf, systems as systemsQuery } from '../api/queries.ts'
import { When } from '../parts/marks.tsx'
import { PlaceReasons } from '../parts/place-line.tsx'
import { Failure, Stale, Waiting } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { page: words, placement } = texts.agents

/** The connectors of one agent, each with the reason why it is here and not elsewhere. */
export function AgentPlaces({ agent }: { agent: Agent }): ReactNode {
  const places = useInfiniteQuery(placementOf({ agent: agent.id }))
  const { data: systems } = useQuery(systemsQuery)
  const rows = places.data?.pages.flatMap((page) => page.rows)
  const idOf = (place: ConnectorPlace): string | undefined =>
    systems?.find((system) => system.group === place.group && system.name === place.system)?.id
  return (
    <section aria-labelledby="runs">
      <div className="section-head">
        <Title order={2} id="runs">
          {words.runs}
        </Title>
        <span className="dim">{texts.agents.connectors(agent.connectors)}</span>
      </div>
      {rows === undefined ? (
        places.error === null ? (
          <Waiting />
        ) : (
          <Failure error={places.error} again={() => void places.refetch()} />
        )
      ) : (
        <>
          <Stale query={places} />
          {rows.length === 0 ? (
            <p className="quiet">{words.runsNothing}</p>
          ) : (
            <ul className="sheet place-list">
              {rows.map((place) => (
                <Place key={place.connectorId} place={place} system={idOf(place)} agent={agent} />
              ))}
            </ul>
          )}
          {places.hasNextPage ? (
            <Button
              variant="default"
              mt="sm"
              loading={places.isFetchingNextPage}
              onClick={() => void places.fetchNextPage()}
            >
              {texts.common.more}
            </Button>
          ) : null}
        </>
      )}
    </section>
  )
}

function Place(props: { place: ConnectorPlace; system: string | undefined; agent: Agent }): ReactNode {
  const { place, system, agent } = props
  const name = `${place.group} / ${place.system}`
  return (
    <li>
      <span className="place-why">
        <span className="place-name">
          {system === undefined ? (
            name
          ) : (
            <Link to="/systems/$id" params={{ id: system }}>
              {name}
            </Link>
          )}{' '}
          <strong>{place.connector}</strong> <span className="dim">{place.type}</span>
        </span>
        <span className="dim">{texts.overview.tasksOk(place.tasks)}</span>
        {place.pin === null ? null : <span className="tag">{placement.pinned}</span>}
        {placement.is[place.state] === '' ? null : (
          <span className="dim">
            {place.agentId === agent.id ? placement.is[place.state] : words.comesFrom(place.agent ?? texts.common.none)}
          </span>
        )}
        <span className="dim nowrap">
          {words.here} <When at={place.since} />
        </span>
        <details>
          <summary>
            <span className="place-ask">{placement.why}</span>
          </summary>
          <PlaceReasons place={place} />
        </details>
      </span>
    </li>
  )
}
