import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { ConnectorPlace } from '../../../src/contract/index.ts'
import { texts } from '../texts.ts'

const { placement: words } = texts.agents

/** Where a connector runs, and on asking why there and on no other agent. */
export function PlaceLine({ place }: { place: ConnectorPlace }): ReactNode {
  const isCovered = place.state !== 'uncovered'
  const moving = words.is[place.state]
  return (
    <span className="place-why">
      {place.agent === null || place.agentId === null ? (
        <span className="bad">{words.nobody}</span>
      ) : (
        <span>
          {words.on}{' '}
          <Link to="/agents/$id" params={{ id: place.agentId }}>
            {place.agent}
          </Link>
        </span>
      )}
      {place.pin === null ? null : <span className="tag">{words.pinned}</span>}
      {moving === '' ? null : <span className="dim">{moving}</span>}
      <details>
        <summary>
          <span className="place-ask">{isCovered ? words.why : words.whyNobody}</span>
        </summary>
        <PlaceReasons place={place} />
      </details>
    </span>
  )
}

export function PlaceReasons({ place }: { place: ConnectorPlace }): ReactNode {
  return (
    <div className="place-reasons">
      <p className={place.state === 'uncovered' ? 'bad' : undefined}>{place.why}</p>
      {place.others.length === 0 ? null : (
        <dl>
          {place.others.map((other) => (
            <div key={other.agentId}>
              <dt>{other.agent}</dt>
              <dd>{other.because}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  )
}
