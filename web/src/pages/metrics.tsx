import { ActionIcon, Autocomplete, Button, NativeSelect, Switch, TextInput, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useState, type ReactNode } from 'react'
import { panelAggregations } from '../../../src/contract/configuration.ts'
import { groups as groupsQuery, metricNames, monitors, systems as systemsQuery } from '../api/queries.ts'
import { compareNames } from '../model/overview.ts'
import { readRange, zoomed } from '../model/range.ts'
import { likeNames, readSelection, writeSelection, type Selection } from '../model/selection.ts'
import { Icon } from '../parts/icons.tsx'
import { MetricView } from '../parts/metric-view.tsx'
import { RangeChoice } from '../parts/range-choice.tsx'
import { texts } from '../texts.ts'
import { PinPanel } from './metrics-pin.tsx'

const { metrics: words } = texts.watch
const places = ['q1', 'q2', 'q3', 'q4'] as const
/** How long typing must rest before the address changes and the series are asked for. */
const restMs = 400

/** Any series by name and labels, several together, over any time; all of it is in the address. */
export function MetricsPage(): ReactNode {
  const search = useSearch({ from: '/signed-in/explore' })
  const navigate = useNavigate({ from: '/explore' })
  const [pinning, pin] = useDisclosure(false)
  const range = useMemo(() => readRange({ ...search, range: search.range ?? '24h' }), [search])
  const agg = panelAggregations.find((one) => one === search.agg)
  const selections = useMemo(() => places.flatMap((place) => search[place] ?? []), [search])
  const [shown, setShown] = useState(() => Math.max(1, selections.length))
  const change = useCallback(
    (next: Record<string, string>, replace = false) =>
      void navigate({ search: (old) => ({ ...old, ...next }), replace }),
    [navigate],
  )
  const zoom = useCallback(
    (from: number, to: number) => void navigate({ search: (old) => ({ ...old, ...zoomed(from, to) }) }),
    [navigate],
  )
  const title = selections.length === 0 ? words.untitled : selections.join(', ')
  const write = (at: number, text: string): void => {
    const next = places.map((place, i) => (i === at ? text : (search[place] ?? '')))
    change(Object.fromEntries(places.map((place, i) => [place, next[i]!])), true)
  }
  const remove = (at: number): void => {
    const left = places.map((place) => search[place] ?? '').filter((_, i) => i !== at)
    setShown((n) => Math.max(1, n - 1))
    change(Object.fromEntries(places.map((place, i) => [place, left[i] ?? ''])))
  }

  return (
    <>
      <div className="page-head">
        <Title order={1}>{words.title}</Title>
      </div>
      <div className="sheet selections">
        {places.slice(0, shown).map((place, i) => (
          <SelectionLine
            key={place}
            n={i + 1}
            text={search[place] ?? ''}
            onText={(text) => write(i, text)}
            {...(shown > 1 ? { onRemove: () => remove(i) } : {})}
          />
        ))}
        <div className="selection-end">
          {shown < places.length ? (
            <Button size="compact-sm" variant="default" onClick={() => setShown((n) => n + 1)}>
              {words.add}
            </Button>
          ) : null}
          <NativeSelect
            size="xs"
            aria-label={words.aggregation}
            value={agg ?? ''}
            onChange={({ currentTarget: { value } }) => change({ agg: value })}
            data={(['', ...panelAggregations] as const).map((value) => ({ value, label: words.aggregations[value] }))}
          />
          <Switch
            size="xs"
            label={words.compare}
            checked={search.compare !== undefined}
            onChange={({ currentTarget: { checked } }) => change({ compare: checked ? '1' : '' })}
          />
          <Button
            className="filters-end"
            size="compact-sm"
            variant="default"
            disabled={selections.length === 0}
            onClick={pin.open}
          >
            {words.pin}
          </Button>
        </div>
      </div>
      <div className="section-head">
        <span />
        <RangeChoice
          range={range}
          chosen={search.range}
          onChoose={(name) => change({ range: name, from: '', to: '' })}
          onZoom={zoom}
        />
      </div>
      <div className="sheet metric-sheet">
        <MetricView
          kind="chart"
          title={title}
          selections={selections}
          tag=""
          range={range}
          agg={agg}
          compare={search.compare !== undefined}
          height={320}
          onZoom={zoom}
          saves
        />
      </div>
      {pinning ? <PinPanel selections={selections} agg={agg} onClose={pin.close} /> : null}
    </>
  )
}

/** One selection in parts. What is typed is told after a rest, so that half a name asks for nothing. */
function SelectionLine(props: {
  n: number
  text: string
  onText: (text: string) => void
  onRemove?: () => void
}): ReactNode {
  const { n, text, onText, onRemove } = props
  const { data: library } = useQuery(monitors)
  const { data: groups } = useQuery(groupsQuery)
  const { data: systems } = useQuery(systemsQuery)
  const [parts, setParts] = useState<Selection>(() => readSelection(text))
  const [told, setTold] = useState(text)
  const written = writeSelection(parts)
  // The address changed from elsewhere: by going back, or because another selection was removed.
  if (text !== told) {
    setTold(text)
    if (text !== written) setParts(readSelection(text))
  }
  useEffect(() => {
    if (written === told) return
    const timer = setTimeout(() => {
      setTold(written)
      onText(written)
    }, restMs)
    return () => clearTimeout(timer)
  })
  const { data: stored } = useQuery(metricNames(likeNames(told)))
  const names = useMemo(() => {
    const declared = (library ?? []).flatMap((monitor) => monitor.metrics.map(({ name }) => name))
    return [...new Set([...declared, ...(stored ?? [])])].toSorted(compareNames)
  }, [library, stored])
  const systemNames = useMemo(
    () =>
      [
        ...new Set(
          (systems ?? []).flatMap(({ group, name }) => (parts.group === '' || parts.group === group ? [name] : [])),
        ),
      ].toSorted(compareNames),
    [systems, parts.group],
  )
  const set = (next: Partial<Selection>): void => setParts((old) => ({ ...old, ...next }))
  return (
    <fieldset className="selection">
      <legend className="visually-hidden">{words.selection(n)}</legend>
      <Autocomplete
        label={words.metric}
        value={parts.name}
        onChange={(name) => set({ name })}
        data={names}
        limit={50}
        spellCheck={false}
        {...(n === 1 ? { 'data-filter': true } : {})}
      />
      <NativeSelect
        label={words.group}
        value={parts.group}
        onChange={({ currentTarget: { value } }) => set({ group: value })}
        data={[
          { value: '', label: texts.alarms.anyGroup },
          ...[
            ...new Set([...(groups ?? []).map(({ name }) => name), ...(parts.group === '' ? [] : [parts.group])]),
          ].toSorted(compareNames),
        ]}
      />
      <Autocomplete
        label={words.system}
        value={parts.system}
        onChange={(system) => set({ system })}
        data={systemNames}
        limit={50}
        spellCheck={false}
      />
      <TextInput
        label={words.labels}
        placeholder={words.labelsHint}
        value={parts.labels}
        onChange={({ currentTarget: { value } }) => set({ labels: value })}
        spellCheck={false}
      />
      {onRemove === undefined ? null : (
        <ActionIcon
          className="selection-remove"
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={words.remove(n)}
          onClick={onRemove}
        >
          <Icon name="close" size={16} />
        </ActionIcon>
      )}
    </fieldset>
  )
}
