import { Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { instance } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { madeOf } from '../made-of.ts'
import { Fact, Facts } from '../parts/facts.tsx'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { about: words } = texts

/** What this is, which one, and whose work is in it. */
export function AboutTab(): ReactNode {
  const here = useQuery(instance)
  const packages = madeOf.reduce((sum, [, names]) => sum + names.length, 0)
  return (
    <div className="cards cards-wide">
      <section className="card">
        <Title order={2}>{texts.product}</Title>
        <p>{words.what}</p>
        <Present query={here}>
          {({ version, uuid, startedAt }) => (
            <Facts>
              <Fact name={words.version}>{version}</Fact>
              <Fact name={words.uuid}>
                <code>{uuid}</code>
              </Fact>
              <Fact name={words.started}>{formatMoment(startedAt)}</Fact>
              <Fact name={words.licence}>{words.farwatch}</Fact>
              <Fact name={words.reference}>
                <a href="api/docs" target="_blank" rel="noreferrer">
                  {texts.nav.apiDocs}
                </a>
              </Fact>
            </Facts>
          )}
        </Present>
      </section>
      <section className="card">
        <Title order={2}>{words.madeOf}</Title>
        <p className="quiet">{words.madeOfHint(packages)}</p>
        {madeOf.map(([licence, names]) => (
          <details key={licence}>
            <summary>
              {licence} <span className="dim">{words.packages(names.length)}</span>
            </summary>
            <p className="break">{names.join(', ')}</p>
          </details>
        ))}
      </section>
    </div>
  )
}
