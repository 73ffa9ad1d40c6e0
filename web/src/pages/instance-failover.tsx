import { Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { Failover } from '../../../src/contract/index.ts'
import { failover as failoverQuery, me } from '../api/queries.ts'
import { formatSpan } from '../format/values.ts'
import { may } from '../model/access.ts'
import { draftOf } from '../model/failover.ts'
import { CopyText } from '../parts/copy-text.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Fingerprint } from '../parts/fingerprint.tsx'
import { SeverityMark } from '../parts/marks.tsx'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'
import { FailoverActs } from './instance-failover-acts.tsx'
import { Drills, History, Parts, Witnesses } from './instance-failover-lists.tsx'
import { PairForm } from './instance-failover-settings.tsx'

const { failover: words } = texts

/** The pair of servers as this one sees it: who acts, what is missing or wrong, its settings, and what an administrator may do. */
export function FailoverTab(): ReactNode {
  const query = useQuery(failoverQuery)
  const { data: user } = useQuery(me)
  const allowed = user !== undefined && may(user.grants, 'admin', '*')
  return (
    <Present query={query}>
      {(now) => (
        <>
          <Problems of={now.problems} />
          <div className="cards-flow">
            <Here now={now} />
            {now.role === 'NONE' ? null : <Other now={now} />}
            <SetUp now={now} />
            {now.role === 'NONE' ? null : <FailoverActs now={now} allowed={allowed} />}
          </div>
          {/* What changed elsewhere makes the form anew, in place of what stood here. */}
          <PairForm key={JSON.stringify(draftOf(now))} now={now} allowed={allowed} />
          {now.role === 'NONE' ? null : (
            <>
              <Parts now={now} />
              <Witnesses now={now} />
            </>
          )}
          <Drills />
          {allowed ? <History /> : null}
        </>
      )}
    </Present>
  )
}

function Problems({ of }: { of: Failover['problems'] }): ReactNode {
  return of.map(({ key, severity, message }) => (
    <div
      key={key}
      className={severity === 'CRITICAL' || severity === 'MAJOR' ? 'banner banner-bad' : 'banner'}
      role="status"
    >
      <SeverityMark of={severity} /> {message}
    </div>
  ))
}

function Here({ now }: { now: Failover }): ReactNode {
  const { lag } = now
  return (
    <section className="card" aria-labelledby="pair-here">
      <Title order={2} id="pair-here">
        {words.here}
      </Title>
      {now.role === 'NONE' ? <p className="quiet">{words.none}</p> : null}
      <Facts>
        <Fact name={words.role}>{words.roles[now.role]}</Fact>
        <Fact name={words.state} bad={!now.acts && now.state !== 'standby'}>
          {words.states[now.state]}
          {now.handsOver ? `, ${words.handsOver}` : ''}
        </Fact>
        <Fact name={words.term}>{now.term}</Fact>
        <Fact name={words.active}>
          {now.acts ? (
            words.activeHere
          ) : now.activeUrl === null ? (
            words.unknown
          ) : (
            <a href={now.activeUrl}>{now.activeUrl}</a>
          )}
        </Fact>
        {now.role === 'NONE' ? null : (
          <Fact name={words.lag}>
            {words.changes(lag.changes)}
            {lag.seconds === null ? '' : `, ${formatSpan(Math.round(lag.seconds * 1_000))}`}
          </Fact>
        )}
        <Fact name={words.uuid}>
          <span className="with-copy">
            <code className="break">{now.uuid}</code>
            <CopyText text={now.uuid} what={words.copyUuid} />
          </span>
        </Fact>
      </Facts>
    </section>
  )
}

function Other({ now: { peer, peerFingerprint, pollProblem } }: { now: Failover }): ReactNode {
  return (
    <section className="card" aria-labelledby="pair-other">
      <Title order={2} id="pair-other">
        {words.other}
      </Title>
      {peer === null ? (
        <p className="quiet">{words.neverHeard}</p>
      ) : (
        <Facts>
          <Fact name={words.state} bad={!peer.on}>
            {words.states[peer.state]}
            {peer.on ? '' : `, ${words.isOff}`}
          </Fact>
          <Fact name={words.term}>{peer.term}</Fact>
          <Fact name={words.heard}>{words.heardAgo(formatSpan(Math.round(peer.heardMsAgo)))}</Fact>
          <Fact name={words.complete} bad={!peer.complete}>
            {peer.complete ? texts.common.yes : texts.common.no}
          </Fact>
          {peer.unsound === null ? null : (
            <Fact name={words.unsound} bad>
              {peer.unsound}
            </Fact>
          )}
        </Facts>
      )}
      {pollProblem === null ? null : (
        <Facts>
          <Fact name={words.pollProblem} bad>
            {pollProblem}
          </Fact>
        </Facts>
      )}
      {peerFingerprint === null ? null : <Fingerprint of={peerFingerprint} label={words.key} />}
    </section>
  )
}

function SetUp({ now: { setUp } }: { now: Failover }): ReactNode {
  return (
    <section className="card" aria-labelledby="pair-set-up">
      <Title order={2} id="pair-set-up">
        {words.setUp}
      </Title>
      <ul className="plain-list set-up">
        {setUp.map(({ on, done, message }) => (
          <li key={message}>
            <span className={`mark ${done ? 'out-ran' : 'sev-WARNING'}`}>{done ? words.done : words.toDo}</span>
            <span>
              {message} <span className="dim nowrap">({words.on[on]})</span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
