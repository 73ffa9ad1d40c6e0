import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { agents as agentsQuery } from '../api/queries.ts'
import { formatValue } from '../format/values.ts'
import { compareNames } from '../model/overview.ts'
import { Fact, Facts } from '../parts/facts.tsx'
import { Ago } from '../parts/marks.tsx'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { agents: words } = texts.instance

export function AgentsTab(): ReactNode {
  const agents = useQuery(agentsQuery)
  return (
    <Present query={agents}>
      {(rows) =>
        rows.length === 0 ? (
          <p className="quiet">{words.empty}</p>
        ) : (
          <div className="cards cards-wide">
            {rows
              .toSorted((a, b) => compareNames(a.name, b.name))
              .map((agent) => (
                <article key={agent.id} className="card">
                  <header className="card-head">
                    <h2>{agent.name}</h2>
                    {agent.local ? <span className="dim">{words.local}</span> : null}
                    <span
                      className={`mark ${agent.registration !== 'ACCEPTED' ? 'sev-WARNING' : agent.admin === 'OFF' ? 'mark-none' : agent.runtime === 'ONLINE' ? 'sev-CLEAR' : 'sev-MAJOR'}`}
                    >
                      {agent.registration !== 'ACCEPTED'
                        ? words.registration[agent.registration]
                        : agent.admin === 'OFF'
                          ? words.off
                          : words.runtime[agent.runtime]}
                    </span>
                  </header>
                  <Facts>
                    <Fact name={words.version}>{agent.version}</Fact>
                    <Fact name={words.groups}>
                      {agent.groups.length === 0 ? texts.common.none : agent.groups.join(', ')}
                    </Fact>
                    <Fact name={words.connectors}>{agent.connectors.toLocaleString('en')}</Fact>
                    <Fact name={words.tasks}>{agent.tasks?.toLocaleString('en')}</Fact>
                    <Fact name={words.running}>{agent.running?.toLocaleString('en')}</Fact>
                    <Fact name={words.spool}>
                      {agent.spool === null
                        ? texts.common.none
                        : `${words.entries(agent.spool.entries)}, ${formatValue(agent.spool.bytes, 'B')}`}
                    </Fact>
                    <Fact name={words.lastSeen}>
                      <Ago at={agent.lastSeenAt} />
                    </Fact>
                    <Fact name={texts.instance.fingerprint}>
                      <code>{agent.fingerprint}</code>
                    </Fact>
                  </Facts>
                </article>
              ))}
          </div>
        )
      }
    </Present>
  )
}
