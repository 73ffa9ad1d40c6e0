import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { agents as agentsQuery } from '../api/queries.ts'
import { formatValue } from '../format/values.ts'
import { compareNames } from '../model/overview.ts'
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
                  <dl className="facts">
                    {(
                      [
                        [words.version, agent.version],
                        [words.groups, agent.groups.length === 0 ? texts.common.none : agent.groups.join(', ')],
                        [words.connectors, agent.connectors.toLocaleString('en')],
                        [words.tasks, agent.tasks.toLocaleString('en')],
                        [words.running, agent.running.toLocaleString('en')],
                        [words.processes, agent.processes.toLocaleString('en')],
                        [words.spool, `${words.entries(agent.spool.entries)}, ${formatValue(agent.spool.bytes, 'B')}`],
                        [words.lastSeen, <Ago at={agent.lastSeenAt} />],
                        [texts.instance.fingerprint, <code className="break">{agent.fingerprint}</code>],
                      ] as const
                    ).map(([name, value]) => (
                      <div key={name}>
                        <dt>{name}</dt>
                        <dd>{value}</dd>
                      </div>
                    ))}
                  </dl>
                </article>
              ))}
          </div>
        )
      }
    </Present>
  )
}
