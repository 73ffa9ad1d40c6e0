import { Button, Radio, Textarea, TextInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import type { Instance } from '../../../src/contract/index.ts'
import { call } from '../api/call.ts'
import { instance as instanceQuery, me } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { draftOf, judgeDraft, meansOf, roleNames, roleOf, type RoleDraft } from '../model/roles.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Failure, Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { role: words } = texts

/** What this instance is, and how it reaches its servers. */
export function RoleTab(): ReactNode {
  const instance = useQuery(instanceQuery)
  const { data: user } = useQuery(me)
  const allowed = user !== undefined && may(user.grants, 'admin')
  return (
    <Present query={instance}>
      {(here) => (
        // What changed elsewhere makes the form anew, in place of what stood here.
        <RoleForm key={JSON.stringify(draftOf(here))} here={here} allowed={allowed} />
      )}
    </Present>
  )
}

function RoleForm({ here, allowed }: { here: Instance; allowed: boolean }): ReactNode {
  const client = useQueryClient()
  const [draft, setDraft] = useState(() => draftOf(here))
  const [tried, setTried] = useState(false)
  const [asked, ask] = useState(false)
  const judged = judgeDraft(here, draft)
  const save = useMutation({
    mutationFn: () => call('changeInstance', { body: judged.ok ? judged.change : {} }),
    onSuccess: async (now) => {
      ask(false)
      notifications.show({ message: words.saved, color: 'petrol' })
      // The frame of the portal goes by the role, so that it is put in first; the rest is loaded anew.
      client.setQueryData(instanceQuery.queryKey, now)
      await client.invalidateQueries()
    },
  })
  const change = (part: Partial<RoleDraft>): void => setDraft({ ...draft, ...part })
  const isChanged = judged.ok ? judged.isChanged : true
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    setTried(true)
    save.reset()
    if (!judged.ok) return
    if (draft.role === roleOf(here.roles)) save.mutate()
    else ask(true)
  }
  const why = allowed ? undefined : texts.common.notAllowed
  const wrong = !judged.ok && tried ? judged : undefined
  const means = meansOf(roleOf(here.roles), draft.role)
  return (
    <form className="card role-form" onSubmit={submit} title={why}>
      <Title order={2}>{words.title}</Title>
      <TextInput
        label={texts.instance.name}
        value={draft.name}
        disabled={!allowed}
        maxLength={200}
        spellCheck={false}
        onChange={(event) => change({ name: event.currentTarget.value })}
      />
      {here.roleGivenBy === null ? null : <p className="note">{words.fixed[here.roleGivenBy]}</p>}
      <Radio.Group
        aria-label={words.title}
        value={draft.role}
        onChange={(value) => change({ role: roleNames.find((one) => one === value) ?? draft.role })}
      >
        <div className="role-choices">
          {roleNames.map((role) => (
            <Radio
              key={role}
              value={role}
              disabled={!allowed || here.roleGivenBy !== null}
              label={words.names[role]}
              description={words.means[role]}
            />
          ))}
        </div>
      </Radio.Group>
      {draft.role === 'agent' ? (
        <>
          <Textarea
            label={words.servers}
            description={words.serversHint}
            value={draft.servers}
            disabled={!allowed}
            autosize
            minRows={2}
            spellCheck={false}
            autoCapitalize="none"
            error={
              wrong === undefined
                ? undefined
                : wrong.wrong === undefined
                  ? words.serversNeeded
                  : words.serverWrong(wrong.wrong)
            }
            onChange={(event) => change({ servers: event.currentTarget.value })}
          />
          <TextInput
            label={words.proxy}
            description={words.proxyHint}
            value={draft.proxy}
            disabled={!allowed}
            placeholder="http://proxy:3128"
            spellCheck={false}
            autoCapitalize="none"
            onChange={(event) => change({ proxy: event.currentTarget.value })}
          />
        </>
      ) : null}
      {save.error === null || asked ? null : <Failure error={save.error} title={words.title} />}
      <div className="act-buttons">
        <Button type="submit" disabled={!allowed || !isChanged} loading={save.isPending}>
          {draft.role === roleOf(here.roles) ? texts.common.save : `${words.change}…`}
        </Button>
      </div>
      <Confirm
        opened={asked}
        title={words.confirm.title(words.confirm.a[draft.role])}
        act={words.confirm.act}
        dangerous={draft.role === 'agent'}
        pending={save.isPending}
        error={save.error}
        onConfirm={() => save.mutate()}
        onClose={() => ask(false)}
      >
        <ul className="plain-list">
          {means.map((one) => (
            <li key={one}>{words.confirm.means[one]}</li>
          ))}
        </ul>
      </Confirm>
    </form>
  )
}
