import { Button, Modal, TextInput, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState, type FormEvent, type ReactNode } from 'react'
import { call } from '../api/call.ts'
import { dashboards as dashboardsQuery, me } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { Empty, Failure, Present } from '../parts/states.tsx'
import { FormButtons } from '../parts/form-buttons.tsx'
import { texts } from '../texts.ts'

const { dashboards: words } = texts.watch

/** Every dashboard there is. */
export function DashboardsPage(): ReactNode {
  const dashboards = useQuery(dashboardsQuery)
  const { data: user } = useQuery(me)
  const [adding, add] = useDisclosure(false)
  const allowed = user !== undefined && may(user.grants, 'editor', '*')
  const button = (
    <Button
      variant="default"
      size="sm"
      disabled={!allowed}
      title={user === undefined || allowed ? undefined : texts.common.notAllowed}
      onClick={add.open}
    >
      {words.add}
    </Button>
  )
  return (
    <>
      <div className="page-head">
        <Title order={1}>{words.title}</Title>
        <span className="filters-end">{button}</span>
      </div>
      <Present query={dashboards}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={words.none} hint={words.noneHint} />
          ) : (
            <ul className="sheet board-list">
              {rows.map(({ name, description, panels }) => (
                <li key={name}>
                  <Link to="/dashboards/$name" params={{ name }} className="row-link">
                    {name}
                  </Link>
                  <span className="dim ellipsis grow">{description}</span>
                  <span className="dim nowrap">{words.panels(panels.length)}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Present>
      {adding ? <Add taken={(dashboards.data ?? []).map(({ name }) => name)} onClose={add.close} /> : null}
    </>
  )
}

function Add({ taken, onClose }: { taken: readonly string[]; onClose: () => void }): ReactNode {
  const client = useQueryClient()
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const isTaken = taken.includes(name.trim())
  const save = useMutation({
    mutationFn: () => call('saveDashboard', { params: { name: name.trim() }, body: { panels: [] } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['configuration', 'dashboards'] })
      await navigate({ to: '/dashboards/$name', params: { name: name.trim() }, search: { edit: '1' } })
    },
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (!save.isPending && !isTaken) save.mutate()
  }
  return (
    <Modal opened onClose={onClose} title={words.add}>
      <form className="act-form" onSubmit={submit}>
        <TextInput
          label={words.name}
          value={name}
          onChange={({ currentTarget: { value } }) => setName(value)}
          error={isTaken ? words.taken : undefined}
          required
          withAsterisk={false}
          maxLength={200}
          data-autofocus
        />
        {save.error === null ? null : <Failure error={save.error} title={words.add} />}
        <FormButtons act={words.add} pending={save.isPending} onCancel={onClose} />
      </form>
    </Modal>
  )
}
