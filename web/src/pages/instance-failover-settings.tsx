import { Button, Radio, TextInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import type { Failover } from '../../../src/contract/index.ts'
import { ApiError, call } from '../api/call.ts'
import { failover as failoverQuery } from '../api/queries.ts'
import { draftOf, judgeDraft, modesOf, withRole, type PairDraft } from '../model/failover.ts'
import { Failure } from '../parts/states.tsx'
import { withCode } from '../parts/with-code.tsx'
import { texts } from '../texts.ts'

const { failover: words } = texts
const roles = ['NONE', 'PRIMARY', 'SECONDARY'] as const
const fields = ['role', 'mode', 'peerUrl', 'peerUuid', 'timeoutMs', 'pollMs'] as const
type Field = (typeof fields)[number]

/** The settings of this side; what the server finds wrong stands at its field, with what to do instead. */
export function PairForm({ now, allowed }: { now: Failover; allowed: boolean }): ReactNode {
  const client = useQueryClient()
  const [draft, setDraft] = useState(() => draftOf(now))
  const judged = judgeDraft(now, draft)
  const save = useMutation({
    mutationFn: () => call('changeFailover', { body: judged.ok ? judged.change : {} }),
    onSuccess: async (after) => {
      notifications.show({ message: words.saved, color: 'petrol' })
      client.setQueryData(failoverQuery.queryKey, after)
      await client.invalidateQueries()
    },
  })
  const change = (part: Partial<PairDraft>): void => {
    setDraft({ ...draft, ...part })
    save.reset()
  }
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (judged.ok) save.mutate()
  }
  const problems = save.error instanceof ApiError ? save.error.details : []
  const at = (field: Field): ReactNode => {
    const found = problems.filter(({ path }) => path === field)
    if (found.length === 0) return undefined
    return withCode(
      found
        .map(({ message, hint }) => (hint === undefined || hint === '' ? `${message}.` : `${message}. ${hint}`))
        .join(' '),
    )
  }
  const isElsewhere = problems.length === 0 || problems.some(({ path }) => !fields.some((field) => field === path))
  const notNumber = (field: 'timeout' | 'poll') =>
    !judged.ok && judged.wrong.includes(field) ? words.notSeconds : undefined
  const isUnchanged = judged.ok && Object.keys(judged.change).length === 0
  return (
    <form className="card role-form pair-form" onSubmit={submit} title={allowed ? undefined : texts.common.notAllowed}>
      <Title order={2}>{words.settings}</Title>
      <Radio.Group
        label={words.role}
        value={draft.role}
        error={at('role')}
        onChange={(value) => change(withRole(draft, roles.find((one) => one === value) ?? draft.role))}
      >
        <div className="role-choices">
          {roles.map((role) => (
            <Radio
              key={role}
              value={role}
              disabled={!allowed}
              label={words.roles[role]}
              description={words.rolesMean[role]}
            />
          ))}
        </div>
      </Radio.Group>
      {draft.role === 'NONE' ? null : (
        <>
          <Radio.Group
            label={words.mode}
            value={draft.mode}
            error={at('mode')}
            onChange={(value) =>
              change({ mode: modesOf(draft.role, now.mode).find((one) => one === value) ?? draft.mode })
            }
          >
            <div className="role-choices">
              {modesOf(draft.role, draft.mode).map((mode) => (
                <Radio
                  key={mode}
                  value={mode}
                  disabled={!allowed}
                  label={words.modes[mode]}
                  description={words.modesMean[mode]}
                />
              ))}
            </div>
          </Radio.Group>
          {draft.role === 'SECONDARY' ? (
            <TextInput
              label={words.peerUrl}
              description={words.peerUrlHint}
              placeholder="https://farwatch-a.example:8443"
              value={draft.peerUrl}
              disabled={!allowed}
              error={at('peerUrl')}
              spellCheck={false}
              autoCapitalize="none"
              onChange={(event) => change({ peerUrl: event.currentTarget.value })}
            />
          ) : (
            <TextInput
              label={words.peerUuid}
              description={words.peerUuidHint}
              value={draft.peerUuid}
              disabled={!allowed}
              error={at('peerUuid')}
              spellCheck={false}
              autoCapitalize="none"
              onChange={(event) => change({ peerUuid: event.currentTarget.value })}
            />
          )}
          <div className="two-fields">
            <TextInput
              label={words.timeout}
              description={words.timeoutHint}
              value={draft.timeout}
              disabled={!allowed}
              inputMode="decimal"
              error={notNumber('timeout') ?? at('timeoutMs')}
              onChange={(event) => change({ timeout: event.currentTarget.value })}
            />
            <TextInput
              label={words.poll}
              description={words.pollHint}
              value={draft.poll}
              disabled={!allowed}
              inputMode="decimal"
              error={notNumber('poll') ?? at('pollMs')}
              onChange={(event) => change({ poll: event.currentTarget.value })}
            />
          </div>
        </>
      )}
      {save.error === null || !isElsewhere ? null : <Failure error={save.error} title={words.settings} />}
      <div className="act-buttons">
        <Button type="submit" disabled={!allowed || !judged.ok || isUnchanged} loading={save.isPending}>
          {words.save}
        </Button>
      </div>
    </form>
  )
}
