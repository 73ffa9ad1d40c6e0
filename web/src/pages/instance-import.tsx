import { Button, FileButton, PasswordInput, Radio, Textarea, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import { call, type Input } from '../api/call.ts'
import { Confirm } from '../parts/confirm.tsx'
import { texts } from '../texts.ts'

const { imports: words } = texts.role

/** The API takes no more; a certificate with its chain is a few KiB. */
const largestFileBytes = 500_000

type Body = Input<'importCertificate'>['body']

/** A key and a certificate that somebody was given elsewhere: as texts, or as one file that holds both. */
export function ImportForm(): ReactNode {
  const client = useQueryClient()
  const [kind, setKind] = useState<'pem' | 'pkcs12'>('pem')
  const [certificate, setCertificate] = useState('')
  const [key, setKey] = useState('')
  const [file, setFile] = useState<File | null>(null)
  const [password, setPassword] = useState('')
  const [asked, ask] = useState(false)
  const isComplete =
    kind === 'pem'
      ? certificate.trim() !== '' && key.trim() !== ''
      : file !== null && file.size > 0 && file.size <= largestFileBytes
  const body = async (): Promise<Body> =>
    kind === 'pem' || file === null
      ? { certificate, key, ...(password === '' ? {} : { passphrase: password }) }
      : { pkcs12: base64(new Uint8Array(await file.arrayBuffer())), ...(password === '' ? {} : { password }) }
  const send = useMutation({
    mutationFn: async () => call('importCertificate', { body: await body() }),
    onSuccess: (made) => {
      ask(false)
      setCertificate('')
      setKey('')
      setFile(null)
      setPassword('')
      notifications.show({ message: texts.role.generate.done(made.names), color: 'petrol' })
      return client.invalidateQueries()
    },
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    send.reset()
    ask(true)
  }
  return (
    <section className="card" aria-labelledby="import">
      <Title order={2} id="import">
        {words.title}
      </Title>
      <p className="quiet">{words.hint}</p>
      <form onSubmit={submit} className="act-form">
        <Radio.Group
          label={words.kind}
          value={kind}
          onChange={(value) => setKind(value === 'pkcs12' ? 'pkcs12' : 'pem')}
        >
          <div className="choices-line">
            <Radio value="pem" label={words.pem} />
            <Radio value="pkcs12" label={words.pkcs12} />
          </div>
        </Radio.Group>
        {kind === 'pem' ? (
          <>
            <PemField
              label={words.certificate}
              description={words.chain}
              value={certificate}
              onChange={setCertificate}
            />
            <PemField label={words.key} value={key} onChange={setKey} />
          </>
        ) : (
          <div className="one-line">
            <FileButton accept=".p12,.pfx,application/x-pkcs12" onChange={setFile}>
              {(props) => (
                <Button variant="default" {...props}>
                  {words.choose}
                </Button>
              )}
            </FileButton>
            <span className={file !== null && file.size > largestFileBytes ? 'bad' : 'dim'} role="status">
              {file === null ? words.noFile : file.size > largestFileBytes ? words.tooLarge : file.name}
            </span>
          </div>
        )}
        <PasswordInput
          label={kind === 'pem' ? words.passphrase : words.password}
          description={kind === 'pem' ? words.passphraseHint : undefined}
          value={password}
          autoComplete="off"
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <div>
          <Button type="submit" variant="default" disabled={!isComplete}>
            {words.act}…
          </Button>
        </div>
      </form>
      <Confirm
        opened={asked}
        title={words.confirm}
        act={words.act}
        pending={send.isPending}
        error={send.error}
        onConfirm={() => send.mutate()}
        onClose={() => ask(false)}
      >
        <ul className="plain-list">
          {texts.role.generate.means.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      </Confirm>
    </section>
  )
}

/** A text in PEM, typed or out of a file. */
export function PemField({
  label,
  description,
  value,
  onChange,
}: {
  readonly label: string
  readonly description?: string
  readonly value: string
  readonly onChange: (text: string) => void
}): ReactNode {
  return (
    <div className="pem-field">
      <Textarea
        label={label}
        description={description}
        value={value}
        rows={4}
        placeholder={words.placeholder}
        spellCheck={false}
        autoCapitalize="none"
        autoComplete="off"
        classNames={{ input: 'code-input' }}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      <FileButton
        accept=".pem,.crt,.cer,.key,application/x-pem-file"
        onChange={(file) => {
          if (file !== null && file.size <= largestFileBytes) void file.text().then(onChange)
        }}
      >
        {(props) => (
          <Button size="compact-sm" variant="default" {...props}>
            {words.fromFile(label)}
          </Button>
        )}
      </FileButton>
    </div>
  )
}

/** In pieces, because a call takes only so many arguments. */
function base64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192))
  return btoa(text)
}
