import { Button } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useCallback, type ReactNode } from 'react'
import { texts } from '../texts.ts'
import { FilterText } from './filter-text.tsx'

/** Above a list of the configuration: a filter, which stands in the address, and a button that adds to it. */
export function TreeTools(props: {
  readonly label: string
  readonly text: string
  readonly add: string
  readonly allowed: boolean
  readonly onAdd: () => void
}): ReactNode {
  const { label, text, add, allowed, onAdd } = props
  const navigate = useNavigate({ from: '/configuration' })
  const filter = useCallback(
    (value: string) => void navigate({ search: (old) => ({ ...old, text: value }), replace: true }),
    [navigate],
  )
  return (
    <div className="tree-tools">
      <FilterText label={label} value={text} onChange={filter} />
      <Button
        size="sm"
        variant="default"
        disabled={!allowed}
        title={allowed ? undefined : texts.common.notAllowed}
        onClick={onAdd}
      >
        {add}
      </Button>
    </div>
  )
}
