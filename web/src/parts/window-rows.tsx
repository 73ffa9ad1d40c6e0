import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useLayoutEffect, useRef, useState, type ReactNode } from 'react'

/**
 * Rows of any height that scroll with the window, of which only those near to what is in sight are drawn: thousands of agents, or
 * hundreds of tasks with their charts.
 * @param props.usualHeight about what a row takes, in pixels; each is measured when it is drawn
 * @param props.spare how many are drawn above and below what is in sight
 */
export function WindowRows<T>(props: {
  readonly rows: readonly T[]
  readonly keyOf: (row: T) => string
  readonly usualHeight: number
  readonly spare: number
  /** Of what holds the rows; left out where it is nothing of its own. */
  readonly role?: 'rowgroup'
  readonly draw: (row: T, index: number) => ReactNode
}): ReactNode {
  const { rows, keyOf, usualHeight, spare, role, draw } = props
  const list = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  // What stands above the list comes and goes while it is loaded.
  useLayoutEffect(() => {
    const look = (): void => setTop(list.current?.offsetTop ?? 0)
    look()
    const watcher = new ResizeObserver(look)
    watcher.observe(document.body)
    return () => watcher.disconnect()
  }, [])
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => usualHeight,
    overscan: spare,
    scrollMargin: top,
    getItemKey: (i) => keyOf(rows[i]!),
  })
  return (
    <div ref={list} role={role} className="rows" style={{ height: virtual.getTotalSize() }}>
      {virtual.getVirtualItems().map((item) => (
        <div
          key={item.key}
          ref={virtual.measureElement}
          data-index={item.index}
          role={role === undefined ? undefined : 'presentation'}
          className="placed"
          style={{ transform: `translateY(${item.start - top}px)` }}
        >
          {draw(rows[item.index]!, item.index)}
        </div>
      ))}
    </div>
  )
}
