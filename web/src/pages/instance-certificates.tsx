import { Button } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { call, type Answer } from '../api/call.ts'
import { certificates as certificatesQuery, instance, me } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { may } from '../model/access.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Fingerprint } from '../parts/fingerprint.tsx'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'
import { GenerateForm } from './instance-generate.tsx'
import { ImportForm } from './instance-import.tsx'
import { TrustForm } from './instance-trust.tsx'

const { certificates: words } = texts.instance
const dayMs = 86_400_000

/** When an expiry begins to matter: the moments at which an alarm is raised for it. */
const soonDays = 30
const urgentDays = 7

type Certificate = Answer<'listCertificates'>[number]

export function CertificatesTab(): ReactNode {
  const certificates = useQuery(certificatesQuery)
  const { data: user } = useQuery(me)
  const { data: here } = useQuery(instance)
  const allowed = user !== undefined && may(user.grants, 'admin')
  return (
    <Present query={certificates}>
      {(rows) => (
        <div className="cards cards-wide">
          <div className="card-stack">
            {rows.length === 0 ? <p className="quiet">{words.empty}</p> : null}
            {rows.map((one, i) => (
              <CertificateCard key={`${one.fingerprint} ${i}`} certificate={one} allowed={allowed} />
            ))}
          </div>
          {allowed ? (
            <div className="card-stack">
              <GenerateForm />
              <ImportForm />
              <TrustForm suggested={here?.servers[0] ?? ''} />
            </div>
          ) : null}
        </div>
      )}
    </Present>
  )
}

function CertificateCard({ certificate, allowed }: { certificate: Certificate; allowed: boolean }): ReactNode {
  const client = useQueryClient()
  const [asked, ask] = useState(false)
  const distrust = useMutation({
    mutationFn: () => call('distrustCertificate', { params: { fingerprint: certificate.fingerprint } }),
    onSuccess: () => {
      ask(false)
      notifications.show({ message: texts.role.trust.distrusted, color: 'petrol' })
      return client.invalidateQueries()
    },
  })
  const days = Math.floor((Date.parse(certificate.validTo) - Date.now()) / dayMs)
  const severity = days < urgentDays ? 'sev-MAJOR' : days < soonDays ? 'sev-WARNING' : 'sev-CLEAR'
  return (
    <article className="card">
      <header className="card-head">
        <h2 className="break">{certificate.subject}</h2>
        <span className="dim">{words.uses[certificate.use]}</span>
        <span className={`mark ${severity}`}>{days < 0 ? words.expired : words.daysLeft(days)}</span>
      </header>
      <Facts>
        <Fact name={words.issuer}>{certificate.issuer}</Fact>
        <Fact name={words.names}>{certificate.names.join(', ')}</Fact>
        <Fact name={words.until}>{formatMoment(certificate.validTo)}</Fact>
      </Facts>
      <Fingerprint of={certificate.fingerprint} label={words.fingerprint} />
      {certificate.use === 'trusted' && allowed ? (
        <div className="act-buttons card-acts">
          <Button size="xs" variant="default" onClick={() => ask(true)}>
            {texts.role.trust.distrust}
          </Button>
        </div>
      ) : null}
      <Confirm
        opened={asked}
        title={texts.role.trust.distrustTitle(certificate.subject)}
        act={texts.role.trust.distrust}
        dangerous
        pending={distrust.isPending}
        error={distrust.error}
        onConfirm={() => distrust.mutate()}
        onClose={() => ask(false)}
      >
        <p>{texts.role.trust.distrustText}</p>
      </Confirm>
    </article>
  )
}
