import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { call, callPage, type Input } from './call.ts'

/** What the pages of administration load, and under which keys. */

export const users = queryOptions({ queryKey: ['users'], queryFn: ({ signal }) => call('listUsers', { signal }) })
export const tokens = queryOptions({ queryKey: ['tokens'], queryFn: ({ signal }) => call('listTokens', { signal }) })

export const snapshots = queryOptions({
  queryKey: ['snapshots'],
  queryFn: ({ signal }) => call('listSnapshots', { signal }),
})
export const snapshotDocument = (id: string) =>
  queryOptions({
    queryKey: ['snapshots', 'one', id],
    queryFn: ({ signal }) => call('showSnapshot', { params: { id }, signal }),
    refetchInterval: false,
  })
/** Against another snapshot; without one, what restoring it would change now. */
export const snapshotDifference = (id: string, against: string | undefined) =>
  queryOptions({
    queryKey: ['snapshots', 'difference', id, against ?? ''],
    queryFn: ({ signal }) =>
      call('diffSnapshot', { params: { id }, query: against === undefined ? {} : { against }, signal }),
  })

type AuditQuery = NonNullable<Input<'listAudit'>['query']>
export const auditPages = (query: AuditQuery) =>
  infiniteQueryOptions({
    queryKey: ['audit', query],
    queryFn: ({ signal, pageParam }) =>
      callPage('listAudit', {
        query: { ...query, limit: 200, ...(pageParam === '' ? {} : { cursor: pageParam }) },
        signal,
      }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
  })
/** One entry, wherever in the log it is. */
export const auditEntry = (id: number) =>
  queryOptions({
    queryKey: ['audit', 'one', id],
    queryFn: async ({ signal }) => {
      const [row] = await call('listAudit', { query: { cursor: String(id + 1), limit: 1 }, signal })
      return row?.id === id ? row : null
    },
    // An entry never changes.
    staleTime: Infinity,
    refetchInterval: false,
  })

export type StatisticsQuery = NonNullable<Input<'monitorStatistics'>['query']>
/** Of the time up to now, whichever moment that is. */
export const monitorStatistics = (spanMs: number, query: StatisticsQuery) =>
  queryOptions({
    queryKey: ['statistics', spanMs, query],
    queryFn: ({ signal }) => {
      const to = Date.now()
      return call('monitorStatistics', { query: { ...query, from: String(to - spanMs), to: String(to) }, signal })
    },
    placeholderData: (before) => before,
  })

export const maintenances = queryOptions({
  queryKey: ['maintenances'],
  queryFn: ({ signal }) => call('listMaintenances', { query: {}, signal }),
  refetchInterval: 15_000,
})
/** With every time that touches a stretch of it. */
export const maintenancesBetween = (from: number, to: number) =>
  queryOptions({
    queryKey: ['maintenances', from, to],
    queryFn: ({ signal }) => call('listMaintenances', { query: { from: String(from), to: String(to) }, signal }),
  })
/** Those that are on for a system, or for anything of a group. */
export const maintenancesOf = (group: string, system: string) =>
  queryOptions({
    queryKey: ['maintenances', 'of', group, system],
    queryFn: ({ signal }) => call('listMaintenances', { query: { state: 'on', group, system }, signal }),
    refetchInterval: 15_000,
  })

export const pluginTypes = queryOptions({
  queryKey: ['library', 'plugins'],
  queryFn: ({ signal }) => call('listPluginTypes', { signal }),
  staleTime: Infinity,
  refetchInterval: false,
})
