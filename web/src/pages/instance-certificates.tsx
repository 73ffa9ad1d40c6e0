import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { certificates as certificatesQuery } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { Fact, Facts } from '../parts/facts.tsx'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { certificates: words } = texts.instance
const dayMs = 86_400_000

/** When an expiry begins to matter: the moments at which an alarm is raised for it. */
const soonDays = 30
const urgentDays = 7

export function CertificatesTab(): ReactNode {
  const certificates = useQuery(certificatesQuery)
  return (
    <Present query={certificates}>
      {(rows) =>
        rows.length === 0 ? (
          <p className="quiet">{words.empty}</p>
        ) : (
          <div className="cards cards-wide">
            {rows.map((one, i) => {
              const days = Math.floor((Date.parse(one.validTo) - Date.now()) / dayMs)
              const severity = days < urgentDays ? 'sev-MAJOR' : days < soonDays ? 'sev-WARNING' : 'sev-CLEAR'
              return (
                <article key={`${one.fingerprint} ${i}`} className="card">
                  <header className="card-head">
                    <h2 className="break">{one.subject}</h2>
                    <span className="dim">{words.uses[one.use]}</span>
                    <span className={`mark ${severity}`}>{days < 0 ? words.expired : words.daysLeft(days)}</span>
                  </header>
                  <Facts>
                    <Fact name={words.issuer}>{one.issuer}</Fact>
                    <Fact name={words.names}>{one.names.join(', ')}</Fact>
                    <Fact name={words.until}>{formatMoment(one.validTo)}</Fact>
                    <Fact name={words.fingerprint}>
                      <code className="break">{one.fingerprint}</code>
                    </Fact>
                  </Facts>
                </article>
              )
            })}
          </div>
        )
      }
    </Present>
  )
}
