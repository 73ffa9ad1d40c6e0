import { ActionIcon, Button, Checkbox, NativeSelect, NumberInput, Textarea, TextInput, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useBlocker, useNavigate } from '@tanstack/react-router'
import { useRef, useState, type ReactNode } from 'react'
import type { DashboardAnswer } from '../../../src/contract/index.ts'
import { dashboardVariables, panelAggregations, panelKinds } from '../../../src/contract/configuration.ts'
import { call } from '../api/call.ts'
import { linesOf, movedPanel, newPanel, withoutPanel, withPanel, type Draft, type Panel } from '../model/dashboard.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Icon } from '../parts/icons.tsx'
import { Failure } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { dashboards: words, metrics: metricWords } = texts.watch

/** Arranges a dashboard. Nothing of it is seen by others before it is saved. */
export function DashboardEditor({ dashboard, leave }: { dashboard: DashboardAnswer; leave: () => void }): ReactNode {
  const { name, ...stored } = dashboard
  const client = useQueryClient()
  const navigate = useNavigate()
  const [draft, setDraft] = useState<Draft>(stored)
  const [removing, remove] = useDisclosure(false)
  const [first] = useState(JSON.stringify(stored))
  // What was saved or removed is no loss, though the page is still the one with the draft.
  const isDone = useRef(false)
  const isDirty = JSON.stringify(draft) !== first
  useBlocker({
    shouldBlockFn: () => isDirty && !isDone.current && !window.confirm(words.leave),
    enableBeforeUnload: () => isDirty && !isDone.current,
  })
  const save = useMutation({
    mutationFn: () => call('saveDashboard', { params: { name }, body: draft }),
    onSuccess: async () => {
      isDone.current = true
      notifications.show({ message: words.saved, color: 'petrol' })
      await client.invalidateQueries({ queryKey: ['configuration', 'dashboards'] })
      leave()
    },
  })
  const drop = useMutation({
    mutationFn: () => call('removeDashboard', { params: { name } }),
    onSuccess: async () => {
      isDone.current = true
      notifications.show({ message: words.removed(name), color: 'petrol' })
      await navigate({ to: '/dashboards' })
      await client.invalidateQueries({ queryKey: ['configuration', 'dashboards'] })
    },
  })
  return (
    <>
      <div className="page-head">
        <Title order={1} className="ellipsis">
          {name}
        </Title>
        <span className="tools filters-end">
          <Button size="sm" loading={save.isPending} disabled={!isDirty} onClick={() => save.mutate()}>
            {words.save}
          </Button>
          <Button size="sm" variant="default" onClick={leave}>
            {texts.common.cancel}
          </Button>
          <Button size="sm" variant="subtle" color="red" onClick={remove.open}>
            {words.remove}
          </Button>
        </span>
      </div>
      {save.error === null ? null : <Failure error={save.error} title={words.save} />}
      <div className="sheet board-form">
        <TextInput
          label={words.description}
          description={words.descriptionHint}
          value={draft.description}
          maxLength={4_000}
          onChange={({ currentTarget: { value } }) => setDraft({ ...draft, description: value })}
        />
        <Checkbox.Group
          label={words.variables}
          description={words.variablesHint}
          value={draft.variables}
          onChange={(chosen) =>
            setDraft({ ...draft, variables: dashboardVariables.filter((one) => chosen.includes(one)) })
          }
        >
          <div className="tools board-variables">
            {dashboardVariables.map((one) => (
              <Checkbox key={one} value={one} label={words.variable[one]} />
            ))}
          </div>
        </Checkbox.Group>
      </div>
      {draft.panels.map((panel, i) => (
        <PanelForm
          // Panels have no names; what is typed belongs to the place until it is moved.
          key={i}
          n={i + 1}
          panel={panel}
          isFirst={i === 0}
          isLast={i === draft.panels.length - 1}
          onChange={(change) => setDraft(withPanel(draft, i, change))}
          onMove={(by) => setDraft(movedPanel(draft, i, by))}
          onRemove={() => setDraft(withoutPanel(draft, i))}
        />
      ))}
      <Button
        variant="default"
        onClick={() => setDraft({ ...draft, panels: [...draft.panels, newPanel] })}
        disabled={draft.panels.length >= 100}
      >
        {words.addPanel}
      </Button>
      <Confirm
        opened={removing}
        title={words.removeAsk(name)}
        act={words.remove}
        dangerous
        pending={drop.isPending}
        error={drop.error}
        onConfirm={() => drop.mutate()}
        onClose={remove.close}
      >
        <p>{words.removeHint}</p>
      </Confirm>
    </>
  )
}

function PanelForm(props: {
  n: number
  panel: Panel
  isFirst: boolean
  isLast: boolean
  onChange: (change: Partial<Panel>) => void
  onMove: (by: -1 | 1) => void
  onRemove: () => void
}): ReactNode {
  const { n, panel, isFirst, isLast, onChange, onMove, onRemove } = props
  const whole = (value: string | number, most: number): number =>
    Math.min(most, Math.max(1, Math.round(Number(value) || 1)))
  return (
    <fieldset className="sheet board-form">
      <legend className="visually-hidden">{words.panel(n)}</legend>
      <div className="board-form-head">
        <strong>{words.panel(n)}</strong>
        <span className="tools">
          <ActionIcon
            variant="default"
            aria-label={`${words.earlier}: ${words.panel(n)}`}
            disabled={isFirst}
            onClick={() => onMove(-1)}
          >
            <Icon name="earlier" size={16} />
          </ActionIcon>
          <ActionIcon
            variant="default"
            aria-label={`${words.later}: ${words.panel(n)}`}
            disabled={isLast}
            onClick={() => onMove(1)}
          >
            <Icon name="chevron" size={16} />
          </ActionIcon>
          <ActionIcon variant="default" aria-label={`${words.removePanel}: ${words.panel(n)}`} onClick={onRemove}>
            <Icon name="close" size={16} />
          </ActionIcon>
        </span>
      </div>
      <div className="board-fields">
        <TextInput
          label={words.panelTitle}
          value={panel.title}
          maxLength={200}
          onChange={({ currentTarget: { value } }) => onChange({ title: value })}
        />
        <NativeSelect
          label={metricWords.pinKind}
          value={panel.kind}
          onChange={({ currentTarget: { value } }) =>
            onChange({ kind: panelKinds.find((one) => one === value) ?? 'chart' })
          }
          data={panelKinds.map((value) => ({ value, label: metricWords.kinds[value] }))}
        />
        <NativeSelect
          label={metricWords.aggregation}
          value={panel.agg ?? ''}
          onChange={({ currentTarget: { value } }) => onChange({ agg: panelAggregations.find((one) => one === value) })}
          data={(['', ...panelAggregations] as const).map((value) => ({
            value,
            label: metricWords.aggregations[value],
          }))}
        />
        <NumberInput
          label={words.width}
          value={panel.width}
          min={1}
          max={12}
          onChange={(value) => onChange({ width: whole(value, 12) })}
        />
        <NumberInput
          label={words.height}
          value={panel.height}
          min={1}
          max={6}
          onChange={(value) => onChange({ height: whole(value, 6) })}
        />
      </div>
      <SelectionsInput value={panel.series} onChange={(series) => onChange({ series })} />
    </fieldset>
  )
}

/** What is typed stays as it is typed: an empty line is one that is being written. */
function SelectionsInput(props: { value: readonly string[]; onChange: (series: string[]) => void }): ReactNode {
  const { value, onChange } = props
  const [text, setText] = useState(value.join('\n'))
  // The panels were moved.
  if (linesOf(text).join('\n') !== value.join('\n')) setText(value.join('\n'))
  return (
    <Textarea
      label={words.selections}
      placeholder={words.selectionsHint}
      value={text}
      autosize
      minRows={2}
      spellCheck={false}
      onChange={({ currentTarget }) => {
        setText(currentTarget.value)
        onChange(linesOf(currentTarget.value))
      }}
    />
  )
}
