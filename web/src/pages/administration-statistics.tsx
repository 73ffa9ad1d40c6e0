import { Button, NativeSelect, Table, Title, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { monitorStatistics, type StatisticsQuery } from '../api/admin-queries.ts'
import { agentStatistics, groups as groupsQuery } from '../api/queries.ts'
import { formatSpan, formatValue } from '../format/values.ts'
import { compareNames } from '../model/overview.ts'
import { missedOf, nameOf, totalsOf, type StatisticsRow } from '../model/statistics.ts'
import { CoverageShare } from '../parts/marks.tsx'
import { Empty, Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { statistics: words } = texts.administration

const ranges = { '1d': 1, '7d': 7, '30d': 30, '90d': 90 } as const
type Range = keyof typeof ranges
const bys = ['monitor', 'group', 'system', 'connector', 'task', 'agent'] as const
type By = (typeof bys)[number]
const dayMs = 86_400_000
/** As many rows at first; the order is the server's, so that the first ones are those that matter. */
const rowsAtFirst = 200
const topRows = 8

const columns = {
  runs: { name: words.runs, of: (row) => count(row.runs) },
  failed: { name: words.failed, of: (row) => counted(row.outcomes['failed'] ?? 0) },
  missed: { name: words.missed, hint: words.missedHint, of: (row) => counted(missedOf(row.outcomes)) },
  timeouts: { name: words.timeouts, of: (row) => counted(row.timeouts) },
  median: { name: words.median, of: (row) => span(row.p50Ms) },
  slowest: { name: words.slowest, of: (row) => span(row.p95Ms) },
  longest: { name: words.longest, of: (row) => span(row.maxMs) },
  lateness: { name: words.lateness, hint: words.latenessHint, of: (row) => span(row.latenessP95Ms) },
} as const satisfies Record<
  NonNullable<StatisticsQuery['sort']>,
  { readonly name: string; readonly hint?: string; readonly of: (row: StatisticsRow) => ReactNode }
>
type Sort = keyof typeof columns
const sorts = Object.keys(columns) as Sort[]

/** What the runs of monitors were like: by what one asks for, the worst tasks, and how the agents stand that ran them. */
export function StatisticsTab(): ReactNode {
  const search = useSearch({ from: '/signed-in/administration' })
  const navigate = useNavigate({ from: '/administration' })
  const { data: groups } = useQuery(groupsQuery)
  const range = (Object.keys(ranges) as Range[]).find((one) => one === search.range) ?? '1d'
  const by = bys.find((one) => one === search.by) ?? 'monitor'
  const sort = sorts.find((one) => one === search.sort) ?? 'runs'
  const { group, system, monitor } = search
  const place = {
    ...(group === undefined ? {} : { group }),
    ...(system === undefined ? {} : { system }),
    ...(monitor === undefined ? {} : { monitor }),
  }
  const change = (next: Record<string, string>): void => void navigate({ search: (old) => ({ ...old, ...next }) })
  return (
    <>
      <div className="filters">
        <NativeSelect
          aria-label={words.range}
          title={words.rangeHint}
          value={range}
          onChange={(event) => change({ range: event.currentTarget.value === '1d' ? '' : event.currentTarget.value })}
          data={(Object.keys(ranges) as Range[]).map((value) => ({ value, label: words.ranges[value] }))}
        />
        <NativeSelect
          aria-label={words.by}
          value={by}
          onChange={(event) => change({ by: event.currentTarget.value === 'monitor' ? '' : event.currentTarget.value })}
          data={bys.map((value) => ({ value, label: `${words.by}: ${words.bys[value].toLowerCase()}` }))}
        />
        <NativeSelect
          aria-label={words.group}
          value={group ?? ''}
          onChange={(event) => change({ group: event.currentTarget.value, system: '' })}
          data={[
            { value: '', label: words.anyGroup },
            ...(groups ?? []).map(({ name }) => name).toSorted(compareNames),
          ]}
        />
        {(['system', 'monitor'] as const).map((what) =>
          search[what] === undefined ? null : (
            <Button
              key={what}
              size="xs"
              variant="default"
              aria-label={words.clear(words[what], search[what])}
              onClick={() => change({ [what]: '' })}
            >
              {words[what]}: {search[what]} ×
            </Button>
          ),
        )}
      </div>
      <Totals days={ranges[range]} place={place} />
      <Rows key={`${by} ${range} ${JSON.stringify(place)}`} days={ranges[range]} by={by} sort={sort} place={place} />
      <div className="cards tops">
        {(['slowest', 'failed', 'lateness'] as const).map((what) => (
          <Top key={what} what={what} days={ranges[range]} place={place} />
        ))}
      </div>
      <Agents />
    </>
  )
}

type Place = Pick<StatisticsQuery, 'group' | 'system' | 'monitor'>

function Totals({ days, place }: { days: number; place: Place }): ReactNode {
  const rows = useQuery(monitorStatistics(days * dayMs, { by: 'monitor', ...place }))
  if (rows.data === undefined) return null
  const totals = totalsOf(rows.data)
  return (
    <section className="summary" aria-label={words.totals}>
      <Figure name={words.runs}>{count(totals.runs)}</Figure>
      <Figure name={words.coverage} hint={words.missedHint}>
        <CoverageShare of={totals.share} />
      </Figure>
      <Figure name={words.failed}>{count(totals.failed)}</Figure>
      <Figure name={words.timeouts}>{count(totals.timeouts)}</Figure>
      <Figure name={words.late}>{count(totals.late)}</Figure>
      <Figure name={words.missed} hint={words.missedHint}>
        {count(totals.missed)}
      </Figure>
      <Figure name={words.maintenance}>{count(totals.maintenance)}</Figure>
    </section>
  )
}

function Figure({ name, hint, children }: { name: string; hint?: string; children: ReactNode }): ReactNode {
  return (
    <div title={hint}>
      <span className="label">{name}</span>
      <span className="figure">{children}</span>
    </div>
  )
}

function Rows({ days, by, sort, place }: { days: number; by: By; sort: Sort; place: Place }): ReactNode {
  const [limit, setLimit] = useState(rowsAtFirst)
  const navigate = useNavigate({ from: '/administration' })
  const statistics = useQuery(monitorStatistics(days * dayMs, { by, sort, limit, ...place }))
  return (
    <Present query={statistics}>
      {(rows) =>
        rows.length === 0 ? (
          <Empty title={words.empty} hint={words.emptyHint} />
        ) : (
          <>
            <Table.ScrollContainer minWidth={860} className="sheet">
              <Table aria-label={words.table} className="number">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{words.bys[by]}</Table.Th>
                    {sorts.map((one) => {
                      const { name, hint }: { name: string; hint?: string } = columns[one]
                      return (
                        <Table.Th key={one} ta="right" aria-sort={one === sort ? 'descending' : undefined} title={hint}>
                          <UnstyledButton
                            className="sort"
                            aria-label={words.sortBy(name)}
                            onClick={() =>
                              void navigate({
                                search: (old) => ({ ...old, sort: one === 'runs' ? '' : one }),
                                resetScroll: false,
                              })
                            }
                          >
                            {name}
                            <span aria-hidden="true">{one === sort ? ' ↓' : ''}</span>
                          </UnstyledButton>
                        </Table.Th>
                      )
                    })}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {rows.map((row) => (
                    <Table.Tr key={row.by}>
                      <Table.Td className="break">
                        <RowName row={row} by={by} />
                      </Table.Td>
                      {sorts.map((one) => (
                        <Table.Td key={one} ta="right" className="nowrap">
                          {columns[one].of(row)}
                        </Table.Td>
                      ))}
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
            {rows.length < limit ? null : (
              <Button variant="default" mt="sm" onClick={() => setLimit(limit * 2)}>
                {words.more}
              </Button>
            )}
          </>
        )
      }
    </Present>
  )
}

/** Leads further in: from a group or a monitor to its parts, from a system on to its page. */
function RowName({ row, by }: { row: StatisticsRow; by: By }): ReactNode {
  const name = nameOf(row)
  const { place } = row
  if (by === 'agent') return name === '' ? <span className="dim">{words.noAgent}</span> : name
  if (place?.systemId !== undefined)
    return (
      <Link to="/systems/$id" params={{ id: place.systemId }}>
        {name}
      </Link>
    )
  const narrowed = by === 'monitor' ? { monitor: row.by, by: 'task' } : { group: row.by, by: 'system' }
  return (
    <Link to="/administration" search={(old) => ({ ...old, ...narrowed })}>
      {name}
    </Link>
  )
}

function Top(props: { what: 'slowest' | 'failed' | 'lateness'; days: number; place: Place }): ReactNode {
  const { what, days, place } = props
  const statistics = useQuery(monitorStatistics(days * dayMs, { by: 'task', sort: what, limit: topRows, ...place }))
  return (
    <section className="card" aria-labelledby={`top-${what}`}>
      <Title order={2} id={`top-${what}`}>
        {words.tops[what]}
      </Title>
      <p className="quiet">{words.topHints[what]}</p>
      <Present query={statistics}>
        {(all) => {
          const rows = all.filter((row) => (what === 'failed' ? (row.outcomes['failed'] ?? 0) > 0 : row.runs > 0))
          if (rows.length === 0) return <p className="quiet">{what === 'failed' ? words.noneFailed : words.empty}</p>
          return (
            <ol className="top-list">
              {rows.map((row) => (
                <li key={row.by}>
                  <span className="break">
                    <RowName row={row} by="task" />
                  </span>
                  <strong className="number nowrap">{columns[what].of(row)}</strong>
                </li>
              ))}
            </ol>
          )
        }}
      </Present>
    </section>
  )
}

function Agents(): ReactNode {
  const statistics = useQuery(agentStatistics)
  return (
    <section aria-labelledby="agents-now">
      <div className="section-head">
        <Title order={2} id="agents-now">
          {words.agents}
        </Title>
      </div>
      <Present query={statistics}>
        {(rows) => (
          <Table.ScrollContainer minWidth={760} className="sheet">
            <Table className="number" aria-labelledby="agents-now">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{words.agent}</Table.Th>
                  <Table.Th ta="right">{words.runs}</Table.Th>
                  <Table.Th ta="right">{words.failed}</Table.Th>
                  <Table.Th ta="right">{words.slowest}</Table.Th>
                  <Table.Th ta="right">{words.lateness}</Table.Th>
                  <Table.Th ta="right">{words.running}</Table.Th>
                  <Table.Th ta="right">{words.waiting}</Table.Th>
                  <Table.Th ta="right">{words.spool}</Table.Th>
                  <Table.Th ta="right">{words.send}</Table.Th>
                  <Table.Th ta="right">{words.killed}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((row) => (
                  <Table.Tr key={row.agent}>
                    <Table.Td className="break">{row.agent}</Table.Td>
                    <Table.Td ta="right">{count(row.runs)}</Table.Td>
                    <Table.Td ta="right">{counted(row.failed)}</Table.Td>
                    <Table.Td ta="right">{span(row.p95Ms)}</Table.Td>
                    <Table.Td ta="right">{span(row.latenessP95Ms)}</Table.Td>
                    <Table.Td ta="right">{row.running ?? texts.common.none}</Table.Td>
                    <Table.Td ta="right">{row.waiting ?? texts.common.none}</Table.Td>
                    <Table.Td ta="right">
                      {row.spoolEntries === 0 ? texts.agents.spoolEmpty : formatValue(row.spoolBytes, 'B')}
                    </Table.Td>
                    <Table.Td ta="right">{span(row.sendMs)}</Table.Td>
                    <Table.Td ta="right">{row.killed ?? texts.common.none}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Present>
    </section>
  )
}

function count(n: number): string {
  return n.toLocaleString('en')
}

/** Of what should be none: a nought is quiet. */
function counted(n: number): ReactNode {
  return n === 0 ? <span className="dim">0</span> : <span className="bad">{count(n)}</span>
}

function span(ms: number | null): string {
  return ms === null ? texts.common.none : formatSpan(ms < 10 ? ms : Math.round(ms))
}
