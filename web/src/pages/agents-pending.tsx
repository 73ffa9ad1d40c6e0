import { Button, TextInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import type { Agent } from '../../../src/contract/index.ts'
import { call } from '../api/call.ts'
import { Fact, Facts } from '../parts/facts.tsx'
import { Fingerprint } from '../parts/fingerprint.tsx'
import { AgentMarks } from '../parts/agent-marks.tsx'
import { Ago } from '../parts/marks.tsx'
import { Failure } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { agents: words } = texts

/** Agents that ask to be accepted: each with the fingerprint that has to be compared, and the two answers. */
export function Pending({ agents, allowed }: { agents: readonly Agent[]; allowed: boolean }): ReactNode {
  if (agents.length === 0) return null
  return (
    <section aria-labelledby="pending" className="pending">
      <Title order={2} id="pending">
        {words.pending.title}
      </Title>
      <p className="quiet">{words.pending.hint}</p>
      <div className="cards cards-wide">
        {agents.map((agent) => (
          <PendingCard key={agent.id} agent={agent} allowed={allowed} />
        ))}
      </div>
    </section>
  )
}

function PendingCard({ agent, allowed }: { agent: Agent; allowed: boolean }): ReactNode {
  const client = useQueryClient()
  const [name, setName] = useState(agent.announcedName)
  const decide = useMutation({
    mutationFn: (accept: boolean) =>
      accept
        ? call('acceptAgent', { params: { id: agent.id }, body: name.trim() === '' ? {} : { name: name.trim() } })
        : call('rejectAgent', { params: { id: agent.id } }),
    onSuccess: (decided, accept) => {
      const said = accept ? words.pending.accepted(decided.name) : words.pending.rejected(agent.announcedName)
      notifications.show({ message: said, color: 'petrol' })
      return client.invalidateQueries()
    },
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    decide.mutate(true)
  }
  const why = allowed ? undefined : texts.common.notAllowed
  return (
    <article className="card card-asks" aria-label={agent.announcedName}>
      <header className="card-head">
        <h3 className="card-title break">{agent.announcedName}</h3>
        <AgentMarks agent={agent} />
      </header>
      <Fingerprint of={agent.fingerprint} label={words.pending.fingerprint} />
      <Facts>
        <Fact name={words.pending.address}>{agent.address ?? texts.common.none}</Fact>
        {agent.hostname === null || agent.hostname === agent.announcedName ? null : (
          <Fact name={words.page.hostname}>{agent.hostname}</Fact>
        )}
        <Fact name={words.page.version}>
          {agent.version}
          {agent.platform === null ? '' : `, ${agent.platform}`}
        </Fact>
        <Fact name={words.page.uuid}>
          <code>{agent.id}</code>
        </Fact>
        <Fact name={words.pending.firstSeen}>
          <Ago at={agent.firstSeenAt} />
        </Fact>
        <Fact name={words.pending.lastSeen}>
          <Ago at={agent.lastSeenAt} />
        </Fact>
      </Facts>
      <form className="pending-answer" onSubmit={submit} title={why}>
        <TextInput
          label={words.pending.name}
          description={words.pending.nameHint}
          value={name}
          maxLength={200}
          disabled={!allowed}
          spellCheck={false}
          autoCapitalize="none"
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <div className="act-buttons">
          <Button type="submit" disabled={!allowed} loading={decide.isPending && decide.variables}>
            {words.pending.accept}
          </Button>
          <Button
            variant="default"
            disabled={!allowed}
            loading={decide.isPending && !decide.variables}
            onClick={() => decide.mutate(false)}
          >
            {words.pending.reject}
          </Button>
        </div>
      </form>
      {decide.error === null ? null : <Failure error={decide.error} title={agent.announcedName} />}
    </article>
  )
}

export function Rejected({ agents, allowed }: { agents: readonly Agent[]; allowed: boolean }): ReactNode {
  const client = useQueryClient()
  const lift = useMutation({
    mutationFn: (agent: Agent) => call('liftAgent', { params: { id: agent.id } }),
    onSuccess: (_, agent) => {
      notifications.show({ message: words.rejected.lifted(agent.announcedName), color: 'petrol' })
      return client.invalidateQueries({ queryKey: ['agents'] })
    },
  })
  if (agents.length === 0) return null
  return (
    <section aria-labelledby="rejected">
      <div className="section-head">
        <Title order={2} id="rejected">
          {words.rejected.title}
        </Title>
      </div>
      {lift.error === null ? null : <Failure error={lift.error} title={words.rejected.lift} />}
      <ul className="sheet plain-rows">
        {agents.map((agent) => (
          <li key={agent.id}>
            <span className="grow">
              <strong className="break">{agent.announcedName}</strong>{' '}
              <span className="dim">
                {agent.address ?? ''} · {words.pending.lastSeen} <Ago at={agent.lastSeenAt} />
                {agent.decidedBy === null ? '' : ` · ${words.rejected.by(agent.decidedBy)}`}
              </span>
              <code className="break dim rejected-key">{agent.fingerprint}</code>
            </span>
            <Button
              size="compact-sm"
              variant="default"
              disabled={!allowed}
              title={allowed ? words.rejected.hint : texts.common.notAllowed}
              loading={lift.isPending && lift.variables.id === agent.id}
              onClick={() => lift.mutate(agent)}
            >
              {words.rejected.lift}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  )
}
