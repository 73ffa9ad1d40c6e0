import { Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { status } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { formatNumber, formatSpan, formatValue } from '../format/values.ts'
import { Fact, Facts } from '../parts/facts.tsx'
import { Fingerprint } from '../parts/fingerprint.tsx'
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
        return (
          <div className="cards cards-wide">
            <section className="card">
              <Title order={2}>{texts.instance.identity}</Title>
              <Facts>
                <Fact name={texts.instance.name}>{instance.name}</Fact>
                <Fact name={texts.instance.version}>{instance.version}</Fact>
                <Fact name={texts.instance.roles}>{roles.join(', ')}</Fact>
                <Fact name={texts.instance.uuid}>
                  <code>{instance.uuid}</code>
                </Fact>
                <Fact name={texts.instance.portal}>
                  <code>{instance.portalUrl}</code>
                </Fact>
                <Fact name={texts.instance.started}>
                  {formatMoment(instance.startedAt)} ({formatSpan(process.uptimeMs)})
                </Fact>
                <Fact name={texts.instance.term}>{term}</Fact>
              </Facts>
              <Fingerprint of={instance.fingerprint} label={texts.instance.fingerprint} />
            </section>
            <section className="card">
              <Title order={2}>{texts.instance.health}</Title>
              <Facts>
                <Fact name={texts.overview.systems}>{systems.toLocaleString('en')}</Fact>
                <Fact name={texts.overview.tasks}>{tasks.toLocaleString('en')}</Fact>
                <Fact name={texts.overview.coverage}>
                  <CoverageShare of={coverage.share} />
                </Fact>
                <Fact name={texts.overview.agents}>
                  {agents.online} / {agents.online + agents.offline}
                </Fact>
                <Fact name={texts.instance.series}>{storage.series.toLocaleString('en')}</Fact>
                <Fact name={texts.instance.samples}>{formatNumber(storage.samplesPerSecond)}</Fact>
                <Fact name={texts.instance.storage}>{formatValue(storage.bytes, 'B')}</Fact>
                <Fact name={texts.instance.free}>{formatValue(storage.freeBytes, 'B')}</Fact>
                <Fact name={texts.instance.writable} bad={!storage.writable}>
                  {storage.writable ? texts.common.yes : texts.common.no}
                </Fact>
                <Fact name={texts.instance.memory}>{formatValue(process.rssBytes, 'B')}</Fact>
                <Fact name={texts.instance.loop}>{formatSpan(process.eventLoopP99Ms)}</Fact>
              </Facts>
            </section>
          </div>
        )
      }}
    </Present>
  )
}
