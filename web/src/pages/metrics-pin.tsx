import { Modal, NativeSelect, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import type { PanelAggregation } from '../../../src/contract/index.ts'
import { panelKinds } from '../../../src/contract/configuration.ts'
import { call } from '../api/call.ts'
import { dashboards as dashboardsQuery, me } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { Failure, Present } from '../parts/states.tsx'
import { FormButtons } from '../parts/form-buttons.tsx'
import { texts } from '../texts.ts'

const { metrics: words } = texts.watch

/** Puts what is shown on a dashboard, one that is there or a new one. */
export function PinPanel(props: {
  readonly selections: readonly string[]
  readonly agg: PanelAggregation | undefined
  readonly onClose: () => void
}): ReactNode {
  const { selections, agg, onClose } = props
  const client = useQueryClient()
  const dashboards = useQuery(dashboardsQuery)
  const { data: user } = useQuery(me)
  const [chosen, setChosen] = useState('')
  const [name, setName] = useState('')
  const [title, setTitle] = useState(selections.join(', '))
  const [kind, setKind] = useState<(typeof panelKinds)[number]>('chart')
  const to = chosen === '' ? name.trim() : chosen
  const save = useMutation({
    mutationFn: () => {
      const old = dashboards.data?.find((one) => one.name === to)
      const { description, variables = [], panels = [] } = old ?? {}
      const panel = { title: title.trim(), kind, series: selections, ...(agg === undefined ? {} : { agg }) }
      return call('saveDashboard', {
        params: { name: to },
        body: { ...(description === undefined ? {} : { description }), variables, panels: [...panels, panel] },
      })
    },
    onSuccess: async () => {
      notifications.show({ message: words.pinned(to), color: 'petrol' })
      onClose()
      await client.invalidateQueries({ queryKey: ['configuration'] })
    },
  })
  const allowed = user !== undefined && may(user.grants, 'editor', '*')
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (!save.isPending) save.mutate()
  }
  return (
    <Modal opened onClose={onClose} title={words.pin}>
      {user !== undefined && !allowed ? (
        <p className="quiet">{texts.common.notAllowed}</p>
      ) : (
        <Present query={dashboards}>
          {(rows) => (
            <form className="act-form" onSubmit={submit}>
              <NativeSelect
                label={words.pinTo}
                value={chosen}
                onChange={({ currentTarget: { value } }) => setChosen(value)}
                data={[{ value: '', label: words.pinNew }, ...rows.map((one) => one.name)]}
              />
              {chosen === '' ? (
                <TextInput
                  label={words.pinName}
                  value={name}
                  onChange={({ currentTarget: { value } }) => setName(value)}
                  required
                  withAsterisk={false}
                  maxLength={200}
                  data-autofocus
                />
              ) : null}
              <TextInput
                label={words.pinTitle}
                value={title}
                onChange={({ currentTarget: { value } }) => setTitle(value)}
                required
                withAsterisk={false}
                maxLength={200}
              />
              <NativeSelect
                label={words.pinKind}
                value={kind}
                onChange={({ currentTarget: { value } }) => setKind(panelKinds.find((one) => one === value) ?? 'chart')}
                data={panelKinds.map((value) => ({ value, label: words.kinds[value] }))}
              />
              {save.error === null ? null : <Failure error={save.error} title={words.pin} />}
              <FormButtons act={words.pin} pending={save.isPending} onCancel={onClose} />
            </form>
          )}
        </Present>
      )}
    </Modal>
  )
}
