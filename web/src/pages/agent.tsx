import { Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Agent } from '../../../src/contract/index.ts'
import { agentById, agentStatistics, me, ownAlarms } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { formatNumber, formatSpan, formatValue } from '../format/values.ts'
import { may } from '../model/access.ts'
import { problemsOf } from '../model/agents.ts'
import { AgentMarks, ClockText, formatLoad, LoadBar, SpoolText } from '../parts/agent-marks.tsx'
import { AlarmLines } from '../parts/alarm-lines.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Fingerprint } from '../parts/fingerprint.tsx'
import { Ago } from '../parts/marks.tsx'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'
import { AgentActs } from './agent-acts.tsx'
import { AgentPlaces } from './agent-places.tsx'

const { agents: words } = texts

/** One agent: who it is, how it is, what it runs and why. */
export function AgentPage(): ReactNode {
  const { id } = useParams({ from: '/signed-in/agents/$id' })
  const agent = useQuery(agentById(id))
  return <Present query={agent}>{(loaded) => <Loaded agent={loaded} />}</Present>
}

function Loaded({ agent }: { agent: Agent }): ReactNode {
  const { data: user } = useQuery(me)
  return (
    <>
      <div className="head">
        <div className="crumbs">
          <Link to="/agents">{words.page.back}</Link>
        </div>
        <div className="head-line">
          <Title order={1} className="ellipsis">
            {agent.name}
          </Title>
          <AgentMarks agent={agent} />
          {agent.local ? <span className="dim">{words.local}</span> : null}
          <span className="head-end">
            {user !== undefined && may(user.grants, 'admin') && agent.registration === 'ACCEPTED' ? (
              <AgentActs agent={agent} />
            ) : null}
          </span>
        </div>
      </div>
      <Problems agent={agent} />
      <div className="cards cards-wide agent-cards">
        <Work agent={agent} />
        <Machine agent={agent} />
        <About agent={agent} />
        <Statistics agent={agent} />
      </div>
      {agent.registration === 'ACCEPTED' ? <AgentPlaces agent={agent} /> : null}
    </>
  )
}

function Problems({ agent }: { agent: Agent }): ReactNode {
  const alarms = useQuery(ownAlarms)
  const found = problemsOf(agent, alarms.data ?? [])
  if (found.length === 0) return null
  return (
    <section aria-labelledby="problems" className="head">
      <Title order={2} id="problems">
        {words.page.problems}
      </Title>
      <AlarmLines alarms={found} />
    </section>
  )
}

function Work({ agent }: { agent: Agent }): ReactNode {
  return (
    <section className="card">
      <Title order={2}>{words.page.work}</Title>
      <Facts>
        <Fact name={words.columns.groups}>{agent.groups.length === 0 ? words.noGroups : agent.groups.join(', ')}</Fact>
        <Fact name={words.columns.load}>
          <LoadBar load={agent.load} />
        </Fact>
        <Fact name={words.page.capacity}>{words.page.capacityValue(formatSpan(agent.capacity))}</Fact>
        <Fact name={texts.system.connectors}>{agent.connectors.toLocaleString('en')}</Fact>
        <Fact name={words.page.tasks}>{whole(agent.tasks)}</Fact>
        <Fact name={words.page.running}>{whole(agent.running)}</Fact>
        <Fact name={words.page.waiting}>{whole(agent.waiting)}</Fact>
        <Fact name={words.page.lacks} bad={agent.lacks.length > 0}>
          {agent.lacks.length === 0 ? words.page.lacksNothing : agent.lacks.join(', ')}
        </Fact>
      </Facts>
      {agent.lacks.length === 0 ? null : <p className="quiet">{words.page.lacksHint}</p>}
    </section>
  )
}

function Machine({ agent }: { agent: Agent }): ReactNode {
  const { cpu, memory, disk, sendMs } = agent
  return (
    <section className="card">
      <Title order={2}>{words.page.machine}</Title>
      <Facts>
        <Fact name={words.columns.poll}>
          <Ago at={agent.lastSeenAt} />
        </Fact>
        <Fact name={words.cpu}>{cpu === null ? texts.common.none : formatLoad(cpu)}</Fact>
        <Fact name={words.memory}>
          {memory === null
            ? texts.common.none
            : words.page.of(formatValue(memory.usedBytes, 'B'), formatValue(memory.totalBytes, 'B'))}
        </Fact>
        <Fact name={words.diskFree}>
          {disk === null
            ? texts.common.none
            : words.page.of(formatValue(disk.freeBytes, 'B'), formatValue(disk.totalBytes, 'B'))}
        </Fact>
        <Fact name={words.columns.spool}>
          <SpoolText spool={agent.spool} />
        </Fact>
        <Fact name={words.page.sendTime}>{sendMs === null ? texts.common.none : formatSpan(sendMs)}</Fact>
        <Fact name={words.columns.clock}>
          <ClockText clock={agent.clock} />
        </Fact>
        <Fact name={words.page.roundTrip}>
          {agent.clock === null ? texts.common.none : formatSpan(agent.clock.rttMs)}
        </Fact>
      </Facts>
    </section>
  )
}

function About({ agent }: { agent: Agent }): ReactNode {
  return (
    <section className="card">
      <Title order={2}>{words.page.facts}</Title>
      <Facts>
        {agent.announcedName === agent.name || agent.local ? null : (
          <Fact name={words.pending.announced}>{agent.announcedName}</Fact>
        )}
        <Fact name={words.page.hostname}>{agent.hostname ?? texts.common.none}</Fact>
        <Fact name={words.page.address}>{agent.address ?? texts.common.none}</Fact>
        <Fact name={words.page.platform}>{agent.platform ?? texts.common.none}</Fact>
        <Fact name={words.page.version}>{agent.version}</Fact>
        <Fact name={words.page.protocol}>{agent.protocol ?? texts.common.none}</Fact>
        <Fact name={words.page.since}>{formatMoment(agent.since)}</Fact>
        <Fact name={words.page.firstSeen}>{formatMoment(agent.firstSeenAt)}</Fact>
        {agent.decidedAt === null ? null : (
          <Fact name={words.page.decided}>
            {formatMoment(agent.decidedAt)}
            {agent.decidedBy === null ? '' : `, ${agent.decidedBy}`}
          </Fact>
        )}
        <Fact name={words.page.uuid}>
          <code>{agent.id}</code>
        </Fact>
      </Facts>
      <Fingerprint of={agent.fingerprint} label={words.page.fingerprint} />
    </section>
  )
}

/** What it did; how it stands is beside it. `Object.keys` does not know that these are all the keys there are. */
const counts = Object.keys(words.page.counts) as readonly (keyof typeof words.page.counts)[]

function formatCount(name: keyof typeof words.page.counts, value: number | null): string {
  if (value === null) return texts.common.none
  return name.endsWith('Ms') ? formatSpan(value) : formatNumber(value)
}

function Statistics({ agent }: { agent: Agent }): ReactNode {
  const statistics = useQuery(agentStatistics)
  return (
    <section className="card">
      <header className="card-head">
        <Title order={2}>{words.page.statistics}</Title>
        <span className="dim">{words.page.statisticsHint}</span>
      </header>
      <Present query={statistics}>
        {(rows) => {
          const own = rows.find((row) => row.agent === agent.name)
          if (own === undefined) return <p className="quiet">{words.page.noStatistics}</p>
          return (
            <Facts>
              {counts.map((name) => (
                <Fact key={name} name={words.page.counts[name]}>
                  {formatCount(name, own[name])}
                </Fact>
              ))}
            </Facts>
          )
        }}
      </Present>
    </section>
  )
}

function whole(n: number | null): string {
  return n === null ? texts.common.none : n.toLocaleString('en')
}
