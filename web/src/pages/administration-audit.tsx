import { Button, Drawer, TextInput } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { auditEntry, auditPages } from '../api/admin-queries.ts'
import type { Answer } from '../api/call.ts'
import { formatMoment } from '../format/times.ts'
import { fromLocalInput, toLocalInput } from '../format/local-input.ts'
import { Sides } from '../parts/change-list.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { FilterText } from '../parts/filter-text.tsx'
import { When } from '../parts/marks.tsx'
import { Empty, Failure, NothingHere, Present, Stale, Waiting } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { audit: words } = texts.administration

type Entry = Answer<'listAudit'>[number]

/** Who did what and when, newest first; what is looked for stands in the address. */
export function AuditTab(): ReactNode {
  const search = useSearch({ from: '/signed-in/administration' })
  const navigate = useNavigate({ from: '/administration' })
  const from = fromLocalInput(search.from)
  const to = fromLocalInput(search.to)
  const entries = useInfiniteQuery(
    auditPages({
      ...(search.who === undefined ? {} : { who: search.who }),
      ...(search.text === undefined ? {} : { text: search.text }),
      ...(from === undefined ? {} : { from: String(from) }),
      ...(to === undefined ? {} : { to: String(to) }),
    }),
  )
  const rows = useMemo(() => entries.data?.pages.flatMap((page) => page.rows), [entries.data])
  const change = useCallback(
    (next: { text?: string; who?: string; from?: string; to?: string }) =>
      void navigate({ search: (old) => ({ ...old, ...next }), replace: true }),
    [navigate],
  )
  const changeText = useCallback((text: string) => change({ text }), [change])
  const changeWho = useCallback((who: string) => change({ who }), [change])
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = entries
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [fetchNextPage, hasNextPage, isFetchingNextPage])
  return (
    <>
      <div className="filters">
        <FilterText label={words.filter} value={search.text ?? ''} onChange={changeText} />
        <FilterText label={words.who} value={search.who ?? ''} onChange={changeWho} />
        {(['from', 'to'] as const).map((side) => (
          <TextInput
            key={side}
            type="datetime-local"
            aria-label={words[side]}
            leftSection={<span className="dim">{words[side]}</span>}
            leftSectionWidth={56}
            value={toLocalInput(side === 'from' ? from : to)}
            onChange={(event) => change({ [side]: event.currentTarget.value })}
          />
        ))}
        {rows === undefined ? null : (
          <span className="dim" role="status">
            {words.shown(rows.length, hasNextPage)}
          </span>
        )}
      </div>
      {rows === undefined ? (
        entries.error === null ? (
          <Waiting />
        ) : (
          <Failure error={entries.error} again={() => void entries.refetch()} />
        )
      ) : (
        <>
          <Stale query={entries} />
          {rows.length === 0 ? (
            <Empty title={words.empty}>
              <Button size="xs" variant="default" onClick={() => void navigate({ search: { tab: 'audit' } })}>
                {texts.overview.clearFilter}
              </Button>
            </Empty>
          ) : (
            <Entries rows={rows} more={more} />
          )}
        </>
      )}
      <EntryDrawer />
    </>
  )
}

/** Must agree with `.audit-row` in admin.css. */
const rowHeight = { wide: 38, narrow: 66 }
const narrowScreen = window.matchMedia('(max-width: 48em)')

function Entries({ rows, more }: { rows: readonly Entry[]; more: () => void }): ReactNode {
  const list = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  useLayoutEffect(() => setTop(list.current?.offsetTop ?? 0), [])
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => (narrowScreen.matches ? rowHeight.narrow : rowHeight.wide),
    overscan: 12,
    scrollMargin: top,
    getItemKey: (i) => rows[i]!.id,
  })
  const items = virtual.getVirtualItems()
  const lastShown = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (lastShown >= rows.length - 20) more()
  }, [lastShown, rows.length, more])
  return (
    <div className="sheet" role="table" aria-label={texts.administration.tabs.audit}>
      <div className="audit-row row-head" role="row">
        <span role="columnheader">{words.when}</span>
        <span role="columnheader">{words.who}</span>
        <span role="columnheader">{words.action}</span>
        <span role="columnheader">{words.what}</span>
      </div>
      <div ref={list} role="rowgroup" className="rows" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const entry = rows[item.index]!
          return (
            <div
              key={item.key}
              role="row"
              className="audit-row"
              style={{ transform: `translateY(${item.start - top}px)`, height: item.size }}
            >
              <span role="cell" className="audit-when nowrap number">
                <When at={entry.at} />
              </span>
              <span role="cell" className="audit-who ellipsis" title={entry.who}>
                {entry.who}
              </span>
              <span role="cell" className="audit-action ellipsis">
                <Link
                  to="/administration"
                  search={(old) => ({ ...old, entry: String(entry.id) })}
                  resetScroll={false}
                  className="row-link"
                >
                  {entry.action}
                </Link>
              </span>
              <span role="cell" className="audit-what ellipsis dim" title={entry.what}>
                {entry.what}
              </span>
            </div>
          )
        })}
      </div>
    </div>
  )
}

function EntryDrawer(): ReactNode {
  const search = useSearch({ from: '/signed-in/administration' })
  const navigate = useNavigate({ from: '/administration' })
  const id = /^\d{1,15}$/.test(search.entry ?? '') ? Number(search.entry) : undefined
  const close = (): void => void navigate({ search: (old) => ({ ...old, entry: '' }), resetScroll: false })
  return (
    <Drawer opened={id !== undefined} onClose={close} position="right" size="lg" title={words.entry(id ?? 0)}>
      {id === undefined ? null : <EntryDetails id={id} />}
    </Drawer>
  )
}

function EntryDetails({ id }: { id: number }): ReactNode {
  const entry = useQuery(auditEntry(id))
  return (
    <Present query={entry}>
      {(found) =>
        found === null ? (
          <NothingHere />
        ) : (
          <>
            <Facts>
              <Fact name={words.when}>{formatMoment(found.at)}</Fact>
              <Fact name={words.who}>{found.who}</Fact>
              <Fact name={words.action}>{found.action}</Fact>
              <Fact name={words.what}>{found.what}</Fact>
            </Facts>
            <Sides before={found.before ?? undefined} after={found.after ?? undefined} />
          </>
        )
      }
    </Present>
  )
}
