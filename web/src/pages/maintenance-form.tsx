import { Button, Checkbox, Modal, NativeSelect, NumberInput, Radio, TextInput, Textarea } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import type { Maintenance } from '../../../src/contract/index.ts'
import { weekdays } from '../../../src/model/maintenance.ts'
import { call, type Input } from '../api/call.ts'
import { groups as groupsQuery, systems as systemsQuery } from '../api/queries.ts'
import { toLocalInput } from '../format/local-input.ts'
import { formatMoment } from '../format/times.ts'
import { formatSpan } from '../format/values.ts'
import { documentOf, emptyForm, formOf, previewOf, type MaintenanceForm } from '../model/maintenance-form.ts'
import { compareNames, connectorsOf } from '../model/overview.ts'
import { fieldErrorIn } from '../parts/field-error.ts'
import { Failure } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { maintenance: words } = texts
const hourMs = 3_600_000
const previewed = 4

type Body = Input<'createMaintenance'>['body']

/** Adds a window, or changes one. `begins`: the day that was chosen for a new one. */
export function MaintenanceDialog(props: {
  readonly window: Maintenance | undefined
  readonly begins?: number
  readonly onClose: () => void
}): ReactNode {
  const { window: changed, onClose } = props
  const client = useQueryClient()
  const [form, setForm] = useState<MaintenanceForm>(() =>
    changed === undefined
      ? emptyForm(toLocalInput(props.begins ?? nextHour()), Intl.DateTimeFormat().resolvedOptions().timeZone)
      : formOf(changed),
  )
  const set = (next: Partial<MaintenanceForm>): void => setForm((old) => ({ ...old, ...next }))
  const save = useMutation({
    mutationFn: () => {
      // A document is a body but for lists that may not be written to.
      const body = documentOf(form) as Body
      if (changed === undefined) return call('createMaintenance', { body })
      const { name: _, ...rest } = body
      return call('replaceMaintenance', { params: { name: changed.name }, body: rest })
    },
    onSuccess: ({ name }) => {
      notifications.show({ message: changed === undefined ? words.added(name) : words.saved(name), color: 'petrol' })
      onClose()
      return client.invalidateQueries()
    },
  })
  const error = (field: string): string | undefined => fieldErrorIn(save.error, 'maintenances[0]', field)
  const title = changed === undefined ? words.add : words.editOf(changed.name)
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    save.mutate()
  }
  return (
    <Modal opened onClose={onClose} title={title} size="xl">
      <form className="act-form" onSubmit={submit}>
        {save.error === null ? null : <Failure error={save.error} title={title} />}
        {changed === undefined ? (
          <TextInput
            label={words.name}
            value={form.name}
            onChange={(event) => set({ name: event.currentTarget.value })}
            error={error('name')}
            required
            withAsterisk={false}
            data-autofocus
          />
        ) : null}
        <Textarea
          label={words.reason}
          value={form.reason}
          onChange={(event) => set({ reason: event.currentTarget.value })}
          error={error('reason')}
          rows={2}
        />
        <TextInput
          label={words.responsible}
          description={words.responsibleHint}
          value={form.by}
          onChange={(event) => set({ by: event.currentTarget.value })}
          error={error('by')}
        />
        <ScopeFields form={form} set={set} error={error} />
        {/* With other times the one that was ended is another one. */}
        <TimeFields form={form} set={(next) => set({ ...next, endedAt: '' })} error={error} />
        <Radio.Group
          label={words.checks}
          value={form.checks}
          onChange={(value) => set({ checks: value === 'run' ? 'run' : 'skip' })}
        >
          <div className="role-choices">
            <Radio value="skip" label={words.checksSkip} description={words.checksSkipHint} />
            <Radio value="run" label={words.checksRun} description={words.checksRunHint} />
          </div>
        </Radio.Group>
        <div className="act-buttons act-end">
          <Button variant="default" onClick={onClose}>
            {texts.common.cancel}
          </Button>
          <Button type="submit" loading={save.isPending}>
            {changed === undefined ? words.add : texts.common.save}
          </Button>
        </div>
      </form>
    </Modal>
  )
}

interface Fields {
  readonly form: MaintenanceForm
  readonly set: (next: Partial<MaintenanceForm>) => void
  readonly error: (field: string) => string | undefined
}

function ScopeFields({ form, set, error }: Fields): ReactNode {
  const { data: groups } = useQuery(groupsQuery)
  const { data: systems } = useQuery(systemsQuery)
  const names = (all: readonly { readonly name: string }[] | undefined): string[] =>
    (all ?? []).map(({ name }) => name).toSorted(compareNames)
  const ofGroup = systems?.filter(({ group }) => group === form.group)
  const system = ofGroup?.find(({ name }) => name === form.system)
  return (
    <fieldset className="grants">
      <legend>{words.scope}</legend>
      <p className="dim">{words.scopeHint}</p>
      <div className="two-fields fields-end">
        <NativeSelect
          label={words.group}
          value={form.group}
          onChange={(event) => set({ group: event.currentTarget.value, system: '', connector: '' })}
          error={error('group')}
          data={[{ value: '', label: words.anyGroup }, ...withOwn(names(groups), form.group)]}
        />
        <NativeSelect
          label={words.system}
          value={form.system}
          disabled={form.group === ''}
          onChange={(event) => set({ system: event.currentTarget.value, connector: '' })}
          error={error('system')}
          data={[{ value: '', label: words.anySystem }, ...withOwn(names(ofGroup), form.system)]}
        />
        <NativeSelect
          label={words.connector}
          value={form.connector}
          disabled={form.system === ''}
          onChange={(event) => set({ connector: event.currentTarget.value })}
          error={error('connector')}
          data={[{ value: '', label: words.anyConnector }, ...withOwn(names(system === undefined ? undefined : connectorsOf(system)), form.connector)]}
        />
        <TextInput
          label={words.tags}
          description={words.tagsHint}
          value={form.tags}
          onChange={(event) => set({ tags: event.currentTarget.value })}
          error={error('tags')}
          spellCheck={false}
        />
      </div>
    </fieldset>
  )
}

/** What is chosen stays among the choices though it is gone. */
function withOwn(names: string[], own: string): string[] {
  return own === '' || names.includes(own) ? names : [own, ...names]
}

function TimeFields({ form, set, error }: Fields): ReactNode {
  const zones = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')]
  const next = previewOf(form, Date.now(), previewed)
  const { every } = form
  return (
    <fieldset className="grants">
      <legend>{words.times}</legend>
      <div className="two-fields fields-end">
        <TextInput
          type="datetime-local"
          label={words.begins}
          value={form.begins}
          onChange={(event) => set({ begins: event.currentTarget.value })}
          error={error('begins')}
          required
          withAsterisk={false}
        />
        <TextInput
          label={words.lasts}
          description={words.lastsHint}
          value={form.lasts}
          onChange={(event) => set({ lasts: event.currentTarget.value })}
          error={error('lasts')}
          required
          withAsterisk={false}
        />
        <NativeSelect
          label={words.zone}
          description={words.zoneHint}
          value={form.zone}
          onChange={(event) => set({ zone: event.currentTarget.value })}
          error={error('zone')}
          data={withOwn(zones, form.zone)}
        />
        <NativeSelect
          label={words.repeats}
          value={every}
          onChange={(event) => set({ every: everies.find((one) => one === event.currentTarget.value) ?? '' })}
          data={everies.map((value) => ({ value, label: words.every[value] }))}
        />
        {every === '' ? null : (
          <>
            <NumberInput
              label={words.interval[every]}
              min={1}
              max={366}
              value={form.interval}
              onChange={(value) => set({ interval: Number(value) || 1 })}
              error={error('repeats.interval')}
            />
            <TextInput
              type="date"
              label={words.repeatUntil}
              description={words.repeatUntilHint}
              value={form.until}
              onChange={(event) => set({ until: event.currentTarget.value })}
              error={error('repeats.until')}
            />
          </>
        )}
      </div>
      {every === 'week' ? (
        <Checkbox.Group
          label={words.onWeek}
          value={[...form.onWeek]}
          onChange={(days) => set({ onWeek: weekdays.filter((day) => days.includes(day)) })}
          error={error('repeats.on')}
        >
          <div className="weekday-choices">
            {weekdays.map((day) => (
              <Checkbox key={day} value={day} label={words.weekdays[day]} />
            ))}
          </div>
        </Checkbox.Group>
      ) : null}
      {every === 'month' ? (
        <TextInput
          label={words.onMonth}
          description={words.onMonthHint}
          value={form.onMonth}
          onChange={(event) => set({ onMonth: event.currentTarget.value })}
          error={error('repeats.on')}
          spellCheck={false}
        />
      ) : null}
      <div>
        <span className="label">{words.preview}</span>
        {next.length === 0 ? (
          <span className="dim">{words.noPreview}</span>
        ) : (
          <ul className="preview-times">
            {next.map(({ from, to }) => (
              <li key={from}>{words.next(formatMoment(from), formatSpan(to - from))}</li>
            ))}
          </ul>
        )}
      </div>
    </fieldset>
  )
}

const everies = ['', 'day', 'week', 'month'] as const

function nextHour(): number {
  return Math.ceil(Date.now() / hourMs) * hourMs
}
