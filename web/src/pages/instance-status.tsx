import { Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { status } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { formatNumber, formatSpan, formatValue } from '../format/values.ts'
import { CoverageShare } from '../parts/marks.tsx'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

export function StatusTab(): ReactNode {
  const query = useQuery(status)
  return (
    <Present query={query}>
      {({ instance, term, tasks, systems, coverage, agents, storage, process }) => {
        const roles = [
          ...(instance.roles.server ? [texts.instance.server] : []),
          ...(instance.roles.agent ? [texts.instance.agent] : []),
        ]
        const parts: { title: string; facts: [string, ReactNode][] }[] = [
          {
            title: texts.instance.identity,
            facts: [
              [texts.instance.name, instance.name],
              [texts.instance.version, instance.version],
              [texts.instance.roles, roles.join(', ')],
              [texts.instance.uuid, <code className="break">{instance.uuid}</code>],
              [texts.instance.fingerprint, <code className="break">{instance.fingerprint}</code>],
              [texts.instance.portal, <code className="break">{instance.portalUrl}</code>],
              [texts.instance.started, `${formatMoment(instance.startedAt)} (${formatSpan(process.uptimeMs)})`],
              [texts.instance.term, term],
            ],
          },
          {
            title: texts.instance.health,
            facts: [
              [texts.overview.systems, systems.toLocaleString('en')],
              [texts.overview.tasks, tasks.toLocaleString('en')],
              [texts.overview.coverage, <CoverageShare of={coverage.share} />],
              [texts.overview.agents, `${agents.online} / ${agents.online + agents.offline}`],
              [texts.instance.series, storage.series.toLocaleString('en')],
              [texts.instance.samples, formatNumber(storage.samplesPerSecond)],
              [texts.instance.storage, formatValue(storage.bytes, 'B')],
              [texts.instance.free, formatValue(storage.freeBytes, 'B')],
              [
                texts.instance.writable,
                storage.writable ? texts.common.yes : <strong className="bad">{texts.common.no}</strong>,
              ],
              [texts.instance.memory, formatValue(process.rssBytes, 'B')],
              [texts.instance.loop, formatSpan(process.eventLoopP99Ms)],
            ],
          },
        ]
        return (
          <div className="cards cards-wide">
            {parts.map((part) => (
              <section key={part.title} className="card">
                <Title order={2}>{part.title}</Title>
                <dl className="facts">
                  {part.facts.map(([name, value]) => (
                    <div key={name}>
                      <dt>{name}</dt>
                      <dd>{value}</dd>
                    </div>
                  ))}
                </dl>
              </section>
            ))}
          </div>
        )
      }}
    </Present>
  )
}
