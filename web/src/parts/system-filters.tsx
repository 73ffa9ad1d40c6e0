import { NativeSelect } from '@mantine/core'
import type { ReactNode } from 'react'
import type { GroupSummary, SystemBrief } from '../../../src/contract/index.ts'
import { compareNames, stateFilters, tagsOf, type SystemFilter } from '../model/overview.ts'
import { texts } from '../texts.ts'
import { FilterText } from './filter-text.tsx'

/** A list to choose from that is longer helps nobody; the text finds the rest. */
const mostTags = 200

/** What narrows the systems down: text, how bad, group, tag. */
export function SystemFilters(props: {
  readonly filter: SystemFilter
  readonly groups: readonly GroupSummary[]
  readonly systems: readonly SystemBrief[]
  readonly onText: (text: string) => void
  readonly onChange: (next: { state?: string; group?: string; tag?: string }) => void
  readonly children?: ReactNode
}): ReactNode {
  const { filter, groups, systems, onText, onChange, children } = props
  const tags = tagsOf(systems).slice(0, mostTags).toSorted(compareNames)
  return (
    <div className="filters">
      <FilterText label={texts.overview.filterText} value={filter.text} onChange={onText} />
      <NativeSelect
        aria-label={texts.overview.filterState}
        value={filter.state}
        onChange={({ currentTarget: { value } }) => onChange({ state: value === 'all' ? '' : value })}
        data={stateFilters.map((value) => ({ value, label: texts.overview.states[value] }))}
      />
      <NativeSelect
        aria-label={texts.overview.group}
        value={filter.group}
        onChange={({ currentTarget: { value } }) => onChange({ group: value })}
        data={[
          { value: '', label: texts.alarms.anyGroup },
          ...[...new Set([...groups.map(({ name }) => name), ...(filter.group === '' ? [] : [filter.group])])].toSorted(
            compareNames,
          ),
        ]}
      />
      {tags.length === 0 && filter.tag === '' ? null : (
        <NativeSelect
          aria-label={texts.overview.tags}
          value={filter.tag}
          onChange={({ currentTarget: { value } }) => onChange({ tag: value })}
          data={[
            { value: '', label: texts.watch.anyTag },
            ...new Set([...tags, ...(filter.tag === '' ? [] : [filter.tag])]),
          ]}
        />
      )}
      {children}
    </div>
  )
}
