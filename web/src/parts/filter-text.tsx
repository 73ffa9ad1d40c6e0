import { TextInput } from '@mantine/core'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { Icon } from './icons.tsx'

/** How long typing must rest before the address changes, so that the browser's way back is not one letter at a time. */
const restMs = 250

/** A page's filter by text; `/` brings the keyboard here. What is typed is in `onChange` after a short rest. */
export function FilterText({
  label,
  value,
  onChange,
}: {
  label: string
  value: string
  onChange: (value: string) => void
}): ReactNode {
  const [typed, setTyped] = useState(value)
  const told = useRef(value)
  useEffect(() => {
    // The address changed from elsewhere: by going back, or by clearing the filter.
    if (value !== told.current) {
      told.current = value
      setTyped(value)
    }
  }, [value])
  useEffect(() => {
    if (typed === told.current) return
    const timer = setTimeout(() => {
      told.current = typed
      onChange(typed)
    }, restMs)
    return () => clearTimeout(timer)
  }, [typed, onChange])
  return (
    <TextInput
      className="filter-text"
      type="search"
      aria-label={label}
      placeholder={label}
      leftSection={<Icon name="search" size={16} />}
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value)}
      data-filter
    />
  )
}
