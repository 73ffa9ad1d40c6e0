import { Button, Checkbox, NativeSelect, TextInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState, type FormEvent, type ReactNode } from 'react'
import type { ConfigurationDocument, DiscoveryAnswer, Proposal } from '../../../src/contract/index.ts'
import { call } from '../api/call.ts'
import { agents as agentsQuery } from '../api/queries.ts'
import { connectorOf, editsToAdd, firstTick, isLacking, isTickedAtFirst, type Ticked } from '../model/discovery.ts'
import { ChangeList } from '../parts/change-list.tsx'
import { Empty, Failure, Waiting } from '../parts/states.tsx'
import { texts } from '../texts.ts'
import { useDryRun, useEdits } from './configuration-object-acts.tsx'

const words = texts.config.discover

/** Points at a host, shows what an agent found there, and adds what is ticked in one revision. */
export function DiscoverPanel({
  group,
  system,
  document,
}: {
  readonly group: string
  readonly system: string | undefined
  readonly document: ConfigurationDocument
}): ReactNode {
  const agents = useQuery(agentsQuery)
  const able = (agents.data ?? []).filter((one) => one.groups.includes(group))
  const [host, setHost] = useState(system ?? '')
  const [agent, setAgent] = useState('')
  const credentials = document.groups?.find(({ name }) => name === group)?.credentials ?? []
  const [credential, setCredential] = useState('')
  const look = useMutation({
    mutationFn: () =>
      call('discover', {
        body: {
          group,
          host: host.trim(),
          ...(agent === '' ? {} : { agent }),
          ...(system === undefined ? {} : { system }),
          ...(credential === '' ? {} : { credentials: [credential] }),
        },
      }),
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (host.trim() !== '') look.mutate()
  }
  return (
    <section className="act-form" aria-label={words.title}>
      <h2>{words.title}</h2>
      <p className="quiet">{words.hint}</p>
      <form className="check-line" onSubmit={submit}>
        <TextInput
          label={words.host}
          value={host}
          spellCheck={false}
          autoCapitalize="none"
          autoComplete="off"
          onChange={(event) => setHost(event.currentTarget.value)}
        />
        <NativeSelect label={words.agent} value={agent} onChange={(event) => setAgent(event.currentTarget.value)}>
          <option value="">{texts.config.check.anyAgent}</option>
          {able.map(({ id, name }) => (
            <option key={id} value={name}>
              {name}
            </option>
          ))}
        </NativeSelect>
        {credentials.length === 0 ? null : (
          <NativeSelect
            label={words.askWith}
            value={credential}
            onChange={(event) => setCredential(event.currentTarget.value)}
          >
            <option value="">{words.askWithNone}</option>
            {credentials.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </NativeSelect>
        )}
        <Button type="submit" disabled={host.trim() === ''} loading={look.isPending}>
          {words.look}
        </Button>
      </form>
      {look.isPending ? <Waiting /> : null}
      {look.error === null ? null : <Failure error={look.error} title={words.failed} />}
      {look.data === undefined ? null : (
        <Found key={look.submittedAt} answer={look.data} group={group} host={host.trim()} document={document} />
      )}
    </section>
  )
}

function Found({
  answer,
  group,
  host,
  document,
}: {
  readonly answer: DiscoveryAnswer
  readonly group: string
  readonly host: string
  readonly document: ConfigurationDocument
}): ReactNode {
  const navigate = useNavigate({ from: '/configuration' })
  const { proposals, problems, revision } = answer
  const [chosen, choose] = useState<ReadonlyMap<Proposal, Ticked>>(
    () => new Map(proposals.filter(isTickedAtFirst).map((one) => [one, firstTick(one)])),
  )
  const [isLooking, lookAt] = useState(false)
  const change = (proposal: Proposal, ticked: Ticked | undefined): void => {
    const next = new Map(chosen)
    if (ticked === undefined) next.delete(proposal)
    else next.set(proposal, ticked)
    choose(next)
    lookAt(false)
  }
  const edits = editsToAdd(
    group,
    host,
    proposals.flatMap((one) => {
      const ticked = chosen.get(one)
      return ticked === undefined ? [] : [[one, ticked] as const]
    }),
    document,
  )
  const lacks = [...chosen].some(([proposal, ticked]) => isLacking(proposal, ticked))
  const preview = useDryRun(revision, isLooking ? edits : undefined)
  const add = useEdits(revision, () => {
    const [first] = chosen.keys()
    void navigate({ search: first === undefined ? { group } : { group, system: first.system } })
  })
  return (
    <>
      <p className="dim">{words.seen(answer.agent, answer.address, answer.tried, answer.open)}</p>
      {proposals.length === 0 ? <Empty title={words.nothing} hint={words.nothingHint} /> : null}
      <ul className="sheet plain-rows" aria-label={words.proposals}>
        {proposals.map((proposal, i) => (
          <ProposalRow
            key={i}
            proposal={proposal}
            ticked={chosen.get(proposal)}
            onChange={(ticked) => change(proposal, ticked)}
          />
        ))}
      </ul>
      {problems.length === 0 ? null : (
        <details>
          <summary>{words.problems(problems.length)}</summary>
          <ul className="plain-list">
            {problems.map((problem, i) => (
              <li key={i} className="break">
                {problem}
              </li>
            ))}
          </ul>
        </details>
      )}
      {preview.error === null ? null : <Failure error={preview.error} title={words.notAdded} />}
      {add.error === null ? null : <Failure error={add.error} title={words.notAdded} />}
      {!isLooking || preview.data === undefined ? null : (
        <section className="difference" aria-label={words.preview}>
          <ChangeList difference={preview.data} />
        </section>
      )}
      {proposals.length === 0 ? null : (
        <div className="act-buttons act-end">
          {isLooking && preview.data !== undefined ? (
            <Button loading={add.isPending} onClick={() => add.mutate(edits)}>
              {words.add(chosen.size)}
            </Button>
          ) : (
            <Button disabled={chosen.size === 0 || lacks} loading={preview.isFetching} onClick={() => lookAt(true)}>
              {words.preview}
            </Button>
          )}
        </div>
      )}
    </>
  )
}

function ProposalRow({
  proposal,
  ticked,
  onChange,
}: {
  readonly proposal: Proposal
  readonly ticked: Ticked | undefined
  readonly onChange: (ticked: Ticked | undefined) => void
}): ReactNode {
  const { title, seen, certainty, known, credential, system } = proposal
  const { type, profiles, defaults } = connectorOf(proposal)
  const monitored = profiles !== undefined ? profiles.join(', ') : defaults === true ? words.defaults : words.noProfile
  return (
    <li className="proposal">
      <Checkbox
        checked={ticked !== undefined}
        disabled={known !== null}
        label={title}
        description={`${system} · ${type} · ${monitored} · ${seen}${certainty === 'guessed' ? ` · ${words.guessed}` : ''}`}
        onChange={(event) => onChange(event.currentTarget.checked ? firstTick(proposal) : undefined)}
      />
      {known === null ? null : <p className="quiet">{words.known(known)}</p>}
      {ticked === undefined ? null : (
        <div className="check-line">
          <TextInput
            label={words.name}
            value={ticked.name}
            size="xs"
            onChange={(event) => onChange({ ...ticked, name: event.currentTarget.value })}
          />
          {credential === null ? null : (
            <NativeSelect
              label={words.credential}
              size="xs"
              value={ticked.credential}
              error={isLacking(proposal, ticked) ? words.credentialMissing(credential.type) : undefined}
              onChange={(event) => onChange({ ...ticked, credential: event.currentTarget.value })}
            >
              <option value="">{texts.config.form.noCredential}</option>
              {credential.usable.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </NativeSelect>
          )}
        </div>
      )}
    </li>
  )
}
