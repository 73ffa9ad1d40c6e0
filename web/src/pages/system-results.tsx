import { NativeSelect } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import type { Result, Task } from '../../../src/contract/index.ts'
import { outcomes, type Outcome } from '../../../src/model/outcome.ts'
import { resultPages } from '../api/queries.ts'
import { formatSpan } from '../format/values.ts'
import { resultsSpanMs, type Range } from '../model/range.ts'
import { OutcomeMark, When } from '../parts/marks.tsx'
import { ResultDetails } from '../parts/result-details.tsx'
import { Failure, Waiting } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { results: words } = texts.watch
/** Known to `.result-row` in watch.css, too. */
const rowHeight = 34
/** So many rows before the end is reached the next page is asked for. */
const aheadRows = 30

/** All results of a task and its gaps, newest first, from the end of what the charts show; loaded as one goes down. */
export function TaskResults({ task, range }: { task: Task; range: Range }): ReactNode {
  const [outcome, setOutcome] = useState<Outcome | undefined>()
  const [chosen, setChosen] = useState<Result | undefined>()
  const pages = useInfiniteQuery(
    resultPages(task.id, outcome, range.is === 'fixed' ? range.to : undefined, resultsSpanMs(task.period)),
  )
  const rows = useMemo(() => pages.data?.pages.flatMap((page) => page.rows) ?? [], [pages.data])
  const list = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => list.current,
    estimateSize: () => rowHeight,
    overscan: 20,
  })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  const { hasNextPage, isFetching, fetchNextPage } = pages
  useEffect(() => {
    if (hasNextPage && !isFetching && pages.error === null && last >= rows.length - aheadRows) void fetchNextPage()
  }, [hasNextPage, isFetching, fetchNextPage, last, rows.length, pages.error])

  return (
    <>
      <div className="filters">
        <NativeSelect
          aria-label={texts.system.outcome}
          value={outcome ?? ''}
          onChange={(event) => {
            const { value } = event.currentTarget
            setChosen(undefined)
            setOutcome(outcomes.find((one) => one === value))
          }}
          data={[
            { value: '', label: words.anyOutcome },
            ...outcomes.map((value) => ({ value, label: texts.outcome[value] })),
          ]}
        />
        <span className="dim" role="status">
          {words.loaded(rows.length)}
          {hasNextPage ? '+' : ''}
        </span>
      </div>
      {pages.error === null ? null : <Failure error={pages.error} again={() => void pages.refetch()} />}
      {rows.length === 0 ? (
        isFetching || hasNextPage ? (
          <Waiting />
        ) : (
          <p className="quiet">{outcome === undefined ? words.none : words.noneOf(texts.outcome[outcome])}</p>
        )
      ) : (
        <div className="result-table" role="table" aria-label={words.title(task.name)} aria-rowcount={rows.length + 1}>
          <div className="result-row result-head" role="row">
            <span role="columnheader">{texts.system.planned}</span>
            <span role="columnheader">{texts.system.outcome}</span>
            <span role="columnheader" className="right">
              {texts.system.duration}
            </span>
            <span role="columnheader">{texts.system.message}</span>
          </div>
          <div ref={list} className="result-scroll" role="rowgroup" tabIndex={0} aria-label={words.title(task.name)}>
            <div className="rows" style={{ height: virtual.getTotalSize() }}>
              {items.map((item) => {
                const result = rows[item.index]!
                return (
                  <div
                    key={item.key}
                    role="row"
                    aria-rowindex={item.index + 2}
                    aria-selected={result === chosen}
                    className="result-row"
                    style={{ transform: `translateY(${item.start}px)` }}
                  >
                    <span role="cell" className="nowrap number">
                      <button type="button" className="row-button" onClick={() => setChosen(result)}>
                        <When at={result.plannedAt} />
                      </button>
                      {result.to === undefined || result.to === result.from ? null : (
                        <>
                          {' '}
                          – <When at={result.to} />
                        </>
                      )}
                    </span>
                    <span role="cell">
                      <OutcomeMark of={result.outcome} />
                    </span>
                    <span role="cell" className="right nowrap number">
                      {result.durationMs === null ? texts.common.none : formatSpan(result.durationMs)}
                    </span>
                    <span role="cell" className="ellipsis">
                      {result.late ? <span className="tag">{words.cameLate}</span> : null}{' '}
                      {result.slots === undefined || result.slots === 1 ? null : `${texts.system.slots(result.slots)} `}
                      {result.message ?? result.reason ?? ''}
                    </span>
                  </div>
                )
              })}
            </div>
          </div>
        </div>
      )}
      {chosen === undefined ? null : (
        <section className="result-chosen" aria-label={words.chosen}>
          <ResultDetails result={chosen} monitor={task.monitor} />
        </section>
      )}
    </>
  )
}
