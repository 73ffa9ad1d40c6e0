import { Button, TextInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import { call } from '../api/call.ts'
import { formatMoment } from '../format/times.ts'
import { Fact, Facts } from '../parts/facts.tsx'
import { Fingerprint } from '../parts/fingerprint.tsx'
import { Failure } from '../parts/states.tsx'
import { texts } from '../texts.ts'
import { PemField } from './instance-import.tsx'

const { trust: words } = texts.role

/**
 * Trusts a server's certificate in two steps: it is fetched and shown, and only after somebody compared the fingerprint is exactly that one
 * trusted. `suggested`: the address that is likely meant.
 */
export function TrustForm({ suggested }: { suggested: string }): ReactNode {
  const client = useQueryClient()
  const [typed, setTyped] = useState<string | undefined>()
  const url = typed ?? suggested
  const trust = useMutation({
    mutationFn: (given: { url: string; fingerprint?: string }) => call('trustCertificate', { body: given }),
    onSuccess: (answer, given) => {
      if (!answer.trusted || given.fingerprint === undefined) return
      notifications.show({ message: words.done(answer.certificate.subject), color: 'petrol' })
      return client.invalidateQueries()
    },
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    trust.mutate({ url: url.trim() })
  }
  const shown = trust.data?.certificate
  const isDone = trust.data?.trusted === true
  return (
    <section className="card trust-form" aria-labelledby="trust">
      <Title order={2} id="trust">
        {words.title}
      </Title>
      <p className="quiet">{words.hint}</p>
      <form onSubmit={submit} className="one-line">
        <TextInput
          className="grow"
          label={words.url}
          placeholder="https://watch.example.org:8443"
          value={url}
          required
          withAsterisk={false}
          spellCheck={false}
          autoCapitalize="none"
          onChange={(event) => {
            setTyped(event.currentTarget.value)
            trust.reset()
          }}
        />
        <Button type="submit" variant="default" loading={trust.isPending && shown === undefined}>
          {words.fetch}
        </Button>
      </form>
      {trust.error === null ? null : <Failure error={trust.error} title={words.title} />}
      {shown === undefined ? null : (
        <div className="trust-shown">
          <Fingerprint of={shown.fingerprint} label={words.fingerprint} />
          <Facts>
            <Fact name={texts.instance.certificates.subject}>{shown.subject}</Fact>
            <Fact name={texts.instance.certificates.issuer}>{shown.issuer}</Fact>
            <Fact name={texts.instance.certificates.names}>{shown.names.join(', ')}</Fact>
            <Fact name={texts.instance.certificates.until}>{formatMoment(shown.validTo)}</Fact>
          </Facts>
          {isDone ? (
            <p className="success" role="status">
              {words.already}
            </p>
          ) : (
            <div>
              <Button
                loading={trust.isPending}
                onClick={() => trust.mutate({ url: url.trim(), fingerprint: shown.fingerprint })}
              >
                {words.confirm}
              </Button>
            </div>
          )}
        </div>
      )}
      <TrustPasted />
    </section>
  )
}

/** Who brings a certificate here himself has compared it already. */
function TrustPasted(): ReactNode {
  const client = useQueryClient()
  const [certificate, setCertificate] = useState('')
  const trust = useMutation({
    mutationFn: () => call('trustCertificate', { body: { certificate } }),
    onSuccess: (answer) => {
      setCertificate('')
      notifications.show({ message: words.done(answer.certificate.subject), color: 'petrol' })
      return client.invalidateQueries()
    },
  })
  return (
    <details className="act-form trust-pasted">
      <summary>{words.paste}</summary>
      <PemField label={words.pasted} value={certificate} onChange={setCertificate} />
      {trust.error === null ? null : <Failure error={trust.error} title={words.title} />}
      <div>
        <Button
          variant="default"
          disabled={certificate.trim() === ''}
          loading={trust.isPending}
          onClick={() => trust.mutate()}
        >
          {words.trustPasted}
        </Button>
      </div>
    </details>
  )
}
