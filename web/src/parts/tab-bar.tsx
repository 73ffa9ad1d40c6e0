import { Tabs } from '@mantine/core'
import { useEffect, useRef, type ReactNode } from 'react'

/** The tabs of a page, by name; on a phone the bar scrolls, and the chosen one is kept in sight. */
export function TabBar<N extends string>(props: {
  readonly names: readonly N[]
  readonly chosen: N
  readonly words: Readonly<Record<N, string>>
}): ReactNode {
  const { names, chosen, words } = props
  const bar = useRef<HTMLDivElement>(null)
  useEffect(() => {
    bar.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [chosen])
  return (
    <Tabs.List ref={bar}>
      {names.map((name) => (
        <Tabs.Tab key={name} value={name}>
          {words[name]}
        </Tabs.Tab>
      ))}
    </Tabs.List>
  )
}
