import { Button, Modal, NativeSelect, NumberInput, TextInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import type { EnrolmentToken } from '../../../src/contract/index.ts'
import { call } from '../api/call.ts'
import { certificates, enrolmentTokens, instance } from '../api/queries.ts'
import { agentCommands, isLoopback } from '../model/agent-commands.ts'
import { Command } from '../parts/copy-text.tsx'
import { Ago, When } from '../parts/marks.tsx'
import { Failure, Present } from '../parts/states.tsx'
import { withCode } from '../parts/with-code.tsx'
import { texts } from '../texts.ts'

const { adding: words } = texts.agents

export function AddAgentDialog({ onClose }: { onClose: () => void }): ReactNode {
  return (
    <Modal opened onClose={onClose} title={words.title} size="xl">
      <p>{words.intro}</p>
      <HowToAdd withToken />
      <OpenTokens />
    </Modal>
  )
}

/**
 * The commands that make a machine an agent of this server. The address is the one this page was reached by, which is the best guess at
 * what agents reach too; where it is good on this machine only, that is said.
 */
export function HowToAdd({ withToken }: { withToken?: boolean }): ReactNode {
  const own = useQuery(certificates)
  const { data: here } = useQuery(instance)
  const [typed, setTyped] = useState<string | undefined>()
  const [name, setName] = useState('')
  const [token, setToken] = useState<string | undefined>()
  const suggested = isLoopback(window.location.origin) ? (here?.portalUrl ?? window.location.origin) : document.baseURI
  const url = typed ?? suggested.replace(/\/$/, '')
  const certificate = own.data?.find((one) => one.use === 'tls')
  const commands = agentCommands({
    url,
    name,
    ...(certificate === undefined ? {} : { fingerprint: certificate.fingerprint }),
    ...(token === undefined ? {} : { token }),
  })
  return (
    <div className="act-form">
      <div className="two-fields">
        <TextInput
          label={words.url}
          value={url}
          spellCheck={false}
          autoCapitalize="none"
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <TextInput
          label={words.name}
          placeholder={words.nameHint}
          value={name}
          spellCheck={false}
          autoCapitalize="none"
          onChange={(event) => setName(event.currentTarget.value)}
        />
      </div>
      {isLoopback(url) ? <p className="note">{words.loopback}</p> : null}
      <div>
        <span className="label">{words.trust}</span>
        <Command text={commands.trust} label={words.trust} />
        {certificate === undefined ? null : (
          <span className="quiet">
            {words.names(certificate.names)}
            {certificate.names.every((one) => isLoopback(`https://${one.includes(':') ? `[${one}]` : one}`))
              ? ` ${words.localOnly}`
              : ''}
          </span>
        )}
      </div>
      {withToken === true ? <MakeToken made={token !== undefined} onMade={setToken} /> : null}
      <div>
        <span className="label">{token === undefined ? words.start : words.startToken}</span>
        <Command text={commands.start} label={token === undefined ? words.start : words.startToken} />
      </div>
      <div>
        <span className="label">{token === undefined ? words.accept : words.check}</span>
        <Command text={token === undefined ? 'farwatch agents accept ID' : 'farwatch agents'} label={words.accept} />
      </div>
    </div>
  )
}

function MakeToken({ made, onMade }: { made: boolean; onMade: (token: string) => void }): ReactNode {
  const client = useQueryClient()
  const [uses, setUses] = useState<number | string>(1)
  const [expiresIn, setExpiresIn] = useState<string>('1h')
  const [note, setNote] = useState('')
  const make = useMutation({
    mutationFn: () =>
      call('createEnrolmentToken', {
        body: {
          expiresIn,
          uses: Math.max(1, Math.trunc(Number(uses) || 1)),
          ...(note.trim() === '' ? {} : { note: note.trim() }),
        },
      }),
    onSuccess: (answer) => {
      onMade(answer.token)
      return client.invalidateQueries({ queryKey: ['agents', 'tokens'] })
    },
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    make.mutate()
  }
  return (
    <form className="token-form" onSubmit={submit}>
      <span>
        <strong>{words.unattended}</strong> <span className="dim">{made ? words.made : words.unattendedHint}</span>
      </span>
      <div className="token-fields">
        <NumberInput label={words.uses} min={1} max={10_000} value={uses} onChange={setUses} />
        <NativeSelect
          label={words.expiresIn}
          value={expiresIn}
          onChange={(event) => setExpiresIn(event.currentTarget.value)}
          data={Object.entries(words.lifetimes).map(([value, label]) => ({ value, label }))}
        />
        <TextInput
          label={words.note}
          placeholder={words.noteHint}
          value={note}
          maxLength={200}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
        <Button type="submit" variant={made ? 'default' : 'filled'} loading={make.isPending}>
          {words.make}
        </Button>
      </div>
      {make.error === null ? null : <Failure error={make.error} title={words.make} />}
      {make.data?.warning === undefined || make.data.warning === null ? null : (
        <p className="note">{withCode(make.data.warning)}</p>
      )}
    </form>
  )
}

function OpenTokens(): ReactNode {
  const client = useQueryClient()
  const tokens = useQuery(enrolmentTokens)
  const remove = useMutation({
    mutationFn: (token: EnrolmentToken) => call('removeEnrolmentToken', { params: { id: token.id } }),
    onSuccess: () => {
      notifications.show({ message: words.removed, color: 'petrol' })
      return client.invalidateQueries({ queryKey: ['agents', 'tokens'] })
    },
  })
  return (
    <section aria-labelledby="open-tokens">
      <Title order={3} id="open-tokens" className="small-head">
        {words.open}
      </Title>
      {remove.error === null ? null : <Failure error={remove.error} title={words.remove} />}
      <Present query={tokens}>
        {(rows) => {
          const open = rows.filter((one) => one.usesLeft > 0)
          if (open.length === 0) return <p className="quiet">{words.noneOpen}</p>
          return (
            <ul className="sheet plain-rows">
              {open.map((token) => (
                <li key={token.id}>
                  <span className="grow">
                    {words.usesLeft(token.usesLeft)}
                    {token.note === '' ? '' : `, ${token.note}`}{' '}
                    <span className="dim">
                      {words.by(token.createdBy)} <Ago at={token.createdAt} /> · {words.expires}{' '}
                      <When at={token.expiresAt} />
                    </span>
                  </span>
                  <Button
                    size="compact-sm"
                    variant="default"
                    loading={remove.isPending && remove.variables.id === token.id}
                    onClick={() => remove.mutate(token)}
                  >
                    {words.remove}
                  </Button>
                </li>
              ))}
            </ul>
          )
        }}
      </Present>
    </section>
  )
}
