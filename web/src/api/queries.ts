import { MutationCache, QueryCache, QueryClient, queryOptions, infiniteQueryOptions } from '@tanstack/react-query'
import type { ConfigurationDocument, PanelAggregation } from '../../../src/contract/index.ts'
import type { Outcome } from '../../../src/model/index.ts'
import { spanOf, type Range } from '../model/range.ts'
import { ApiError, call, callAll, callPage, type Input } from './call.ts'

/** How soon a coverage is asked for again that was not there: of very many tasks the server may still be counting the slots. */
const countingMs = 3_000
/** No result is kept for longer: further back nothing is looked for. */
const longestKeptMs = 400 * 86_400_000

/**
 * What is loaded, under which key, and which live event makes it old. Keys begin with what they are about, so that one event
 * reaches all that shows it.
 */
export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      // Somebody changed the role of this instance: what it is now decides what there is to see.
      if (error instanceof ApiError && error.code === 'not-in-this-role')
        void queryClient.invalidateQueries({ queryKey: ['instance'] })
    },
  }),
  mutationCache: new MutationCache({
    onError: (error) => {
      // It was the active one when the page was drawn.
      if (error instanceof ApiError && error.code === 'not-active')
        void queryClient.invalidateQueries({ queryKey: ['instance'] })
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // Live events refresh what is shown; this catches what they missed, and what no event announces.
      refetchInterval: 60_000,
      // The browser's idea of being online says nothing about a server in the same closed network.
      networkMode: 'always',
      retry: (failures, error) =>
        failures < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500),
      retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 4_000),
    },
    mutations: { networkMode: 'always' },
  },
})

export const me = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => call('showMe', { signal }),
  staleTime: 60_000,
})
export const status = queryOptions({
  queryKey: ['status'],
  queryFn: ({ signal }) => call('showStatus', { signal }),
  refetchInterval: ({ state: { data } }) =>
    data !== undefined && data.tasks > 0 && data.coverage.share === null ? countingMs : 15_000,
})
export const instance = queryOptions({
  queryKey: ['instance'],
  queryFn: ({ signal }) => call('showInstance', { signal }),
  // An agent has no events that would tell of its becoming a server again, and none tells who acts in a pair.
  refetchInterval: ({ state: { data } }) =>
    data !== undefined && (!data.roles.server || (data.failover?.role ?? 'NONE') !== 'NONE') ? 5_000 : 60_000,
})
export const groups = queryOptions({
  queryKey: ['groups'],
  queryFn: ({ signal }) => call('listGroups', { signal }),
  refetchInterval: ({ state: { data } }) =>
    data?.some(({ tasks, coverage }) => tasks > 0 && coverage === null) === true ? countingMs : 60_000,
})
export const systems = queryOptions({
  queryKey: ['systems', 'index'],
  queryFn: ({ signal }) => call('indexSystems', { signal }),
})
/** Begins to load what the lists of all systems need, before anything is drawn. Whoever shows them is told of what goes wrong. */
export function fetchLists(): void {
  if (queryClient.getQueryData(groups.queryKey) === undefined) void queryClient.prefetchQuery(groups)
  if (queryClient.getQueryData(systems.queryKey) === undefined) void queryClient.prefetchQuery(systems)
}
/** What lists show of the systems in sight and the index does not have; each is kept as if it had been asked for alone. */
export const systemDetails = (ids: readonly string[]) =>
  queryOptions({
    queryKey: ['systems', 'details', ids],
    queryFn: async ({ signal, client }) => {
      const rows = ids.length === 0 ? [] : await callAll('listSystems', { query: { ids: ids.join(',') }, signal })
      for (const row of rows) client.setQueryData(systemById(row.id).queryKey, row)
      return rows.length
    },
  })
export const alarmCounts = (spanMs: number, group: string | undefined) =>
  queryOptions({
    queryKey: ['alarms', 'counts', spanMs, group ?? ''],
    queryFn: ({ signal }) => {
      const to = Date.now()
      return call('countAlarms', {
        query: { from: String(to - spanMs), to: String(to), points: 96, ...(group === undefined ? {} : { group }) },
        signal,
      })
    },
  })
export const systemById = (id: string) =>
  queryOptions({
    queryKey: ['systems', 'one', id],
    queryFn: ({ signal }) => call('showSystem', { params: { id }, signal }),
  })
export const tasksOf = (group: string, system: string) =>
  queryOptions({
    queryKey: ['tasks', group, system],
    queryFn: ({ signal }) => callAll('listTasks', { query: { group, system }, signal }),
  })
/** How the slots of a task ended in a range. Under the key of its charts: what makes those old makes this old. */
export const outcomesOf = (task: string, range: Range) =>
  queryOptions({
    queryKey: ['chart', task, 'outcomes', range],
    queryFn: ({ signal }) => {
      const { from, to } = spanOf(range, Date.now())
      return call('listOutcomes', { params: { id: task }, query: { from: String(from), to: String(to) }, signal })
    },
  })
/** The server answers for at most so many series at once. */
const seriesPerCall = 100
const pointsPerChart = 360
export interface ChartColumns {
  readonly at: readonly number[]
  readonly unit: string
  readonly value: readonly (number | null)[]
  readonly min: readonly (number | null)[]
  readonly max: readonly (number | null)[]
}
/** Loads series as columns of one time axis. `first`: the moment of the first value there is. */
export async function loadColumns(
  ids: readonly string[],
  { from, to }: { readonly from: number; readonly to: number },
  signal: AbortSignal,
  agg?: PanelAggregation,
): Promise<{ byId: ReadonlyMap<string, ChartColumns>; first: number | undefined }> {
  const span = { from: String(from), to: String(to), points: pointsPerChart, ...(agg === undefined ? {} : { agg }) }
  const answers = await Promise.all(
    Array.from({ length: Math.ceil(ids.length / seriesPerCall) }, (_, i) =>
      call('chartMetrics', {
        query: { series: ids.slice(i * seriesPerCall, (i + 1) * seriesPerCall).join(','), ...span },
        signal,
      }),
    ),
  )
  const columns = answers.flatMap((answer) => answer.series.map((one) => [one.id, { ...one, at: answer.at }] as const))
  const first = columns
    .map(([, { at, value }]) => at[value.findIndex((one) => one !== null)])
    .reduce((least, at) => (at === undefined || (least !== undefined && least <= at) ? least : at), undefined)
  return { byId: new Map(columns), first }
}
export const chartOf = (task: string, ids: readonly string[], range: Range) =>
  queryOptions({
    queryKey: ['chart', task, range, ids],
    queryFn: async ({ signal }) => {
      const span = spanOf(range, Date.now())
      return { ...span, ...(await loadColumns(ids, span, signal)) }
    },
  })
/** Series that selections take, and whether there are more than can be drawn. */
const seriesPerSelection = 100
export const selectedSeries = (selections: readonly string[], tag: string) =>
  queryOptions({
    queryKey: ['series', 'selected', selections, tag],
    queryFn: async ({ signal }) => {
      const pages = await Promise.all(
        selections.map((match) =>
          callPage('listSeries', {
            query: { match, limit: seriesPerSelection, ...(tag === '' ? {} : { tag }) },
            signal,
          }),
        ),
      )
      const series = new Map(pages.flatMap(({ rows }) => rows.map((one) => [one.id, one] as const)))
      return { series: [...series.values()], more: pages.some(({ next }) => next !== undefined) }
    },
    staleTime: 30_000,
  })
/** Names of the metrics that there are, as far as a selection takes them: what targets expose themselves is in no library. */
const seriesLookedThrough = 1_000
export const metricNames = (match: string | undefined) =>
  queryOptions({
    queryKey: ['series', 'names', match ?? ''],
    queryFn: async ({ signal }) => {
      const { rows } = await callPage('listSeries', { query: { match, limit: seriesLookedThrough }, signal })
      return [...new Set(rows.map(({ name }) => name))]
    },
    enabled: match !== undefined,
    staleTime: 30_000,
    refetchInterval: false,
  })
export const weekMs = 7 * 86_400_000
/** Values of series in a range, and where that is asked for of the week before, moved onto the same axis. */
export const valuesOf = (ids: readonly string[], range: Range, agg: PanelAggregation | undefined, compare: boolean) =>
  queryOptions({
    queryKey: ['chart', 'selected', ids, range, agg ?? '', compare],
    queryFn: async ({ signal }) => {
      const span = spanOf(range, Date.now())
      const [now, before] = await Promise.all([
        loadColumns(ids, span, signal, agg),
        compare ? loadColumns(ids, { from: span.from - weekMs, to: span.to - weekMs }, signal, agg) : undefined,
      ])
      return { ...span, byId: now.byId, before: before?.byId }
    },
  })
export const dashboards = queryOptions({
  queryKey: ['configuration', 'dashboards'],
  queryFn: ({ signal }) => call('listDashboards', { signal }),
})
export const thresholdsOf = (task: string) =>
  queryOptions({
    queryKey: ['configuration', 'thresholds', task],
    queryFn: ({ signal }) => call('listThresholds', { params: { id: task }, signal }),
    staleTime: 30_000,
  })
export const resultPages = (task: string, outcome: Outcome | undefined, to: number | undefined, spanMs: number) =>
  infiniteQueryOptions({
    queryKey: ['results', task, 'pages', outcome ?? 'all', to ?? 'now'],
    queryFn: async ({ signal, pageParam }) => {
      const end = pageParam?.to ?? to ?? Date.now()
      const from = Math.max(0, end - (pageParam?.spanMs ?? spanMs))
      const rows = await callAll('listResults', {
        params: { id: task },
        query: { from: String(from), to: String(end), ...(outcome === undefined ? {} : { outcome }) },
        signal,
      })
      return { rows: rows.toReversed(), from, to: end }
    },
    initialPageParam: undefined as { readonly to: number; readonly spanMs: number } | undefined,
    // The server answers in the order of time, and the newest is wanted first: time is gone through backwards, in longer steps where nothing was.
    getNextPageParam: ({ rows, from, to: end }) =>
      from <= Date.now() - longestKeptMs
        ? undefined
        : { to: from, spanMs: rows.length === 0 ? (end - from) * 4 : end - from },
  })
export const seriesOf = (task: string) =>
  queryOptions({
    queryKey: ['series', task],
    queryFn: ({ signal }) => callAll('listSeries', { query: { task }, signal }),
    staleTime: 30_000,
  })
export const connectors = queryOptions({
  queryKey: ['library', 'connectors'],
  queryFn: ({ signal }) => call('listConnectors', { signal }),
  staleTime: Infinity,
  refetchInterval: false,
})
export const monitors = queryOptions({
  queryKey: ['library', 'monitors'],
  queryFn: ({ signal }) => call('listMonitors', { signal }),
  staleTime: Infinity,
  refetchInterval: false,
})

type AlarmQuery = NonNullable<Input<'listAlarms'>['query']>
export const openAlarms = (query: AlarmQuery) =>
  queryOptions({
    queryKey: ['alarms', 'open', query],
    queryFn: ({ signal }) => callAll('listAlarms', { query: { ...query, state: 'open' }, signal }),
  })
/** Alarms of a system that were open at some moment of a range. */
export const alarmsBetween = (group: string, system: string, range: Range) =>
  queryOptions({
    queryKey: ['alarms', 'between', group, system, range],
    queryFn: ({ signal }) => {
      const { from, to } = spanOf(range, Date.now())
      return call('listAlarms', { query: { group, system, from: String(from), to: String(to), limit: 1_000 }, signal })
    },
  })
export const alarmPages = (query: AlarmQuery) =>
  infiniteQueryOptions({
    queryKey: ['alarms', 'pages', query],
    queryFn: ({ signal, pageParam }) =>
      callPage('listAlarms', {
        query: { ...query, limit: 200, ...(pageParam === '' ? {} : { cursor: pageParam }) },
        signal,
      }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
  })
export const alarmWhy = (id: string) =>
  queryOptions({
    queryKey: ['alarms', 'why', id],
    queryFn: ({ signal }) => call('explainAlarm', { params: { id }, signal }),
  })
export const alarmDestinations = (id: string) =>
  queryOptions({
    queryKey: ['alarms', 'destinations', id],
    queryFn: ({ signal }) => call('listAlarmDestinations', { params: { id }, signal }),
  })
export const alarmById = (id: string) =>
  queryOptions({
    queryKey: ['alarms', 'one', id],
    queryFn: ({ signal }) => call('showAlarm', { params: { id }, signal }),
  })

export const configuration = queryOptions({
  queryKey: ['configuration', 'document'],
  queryFn: ({ signal }) => call('showConfiguration', { signal }),
})
/** The document as an editor takes it, with the revision that its edits are based on. */
export const editable = queryOptions({
  queryKey: ['configuration', 'editable'],
  queryFn: async ({ signal }) => {
    const { revision, document } = await call('showEditable', { signal })
    // The document is described by its own types; to the API it is any JSON.
    return { revision, document: document as ConfigurationDocument }
  },
})
export const revisions = infiniteQueryOptions({
  queryKey: ['configuration', 'revisions'],
  queryFn: ({ signal, pageParam }) =>
    callPage('listRevisions', { query: { limit: 50, ...(pageParam === '' ? {} : { cursor: pageParam }) }, signal }),
  initialPageParam: '',
  getNextPageParam: (page) => page.next,
})
/** What the revisions after one, up to another, changed; it never changes again. */
export const revisionDifference = (from: number, to: number) =>
  queryOptions({
    queryKey: ['configuration', 'difference', from, to],
    queryFn: ({ signal }) => call('compareRevisions', { query: { from, to }, signal }),
    staleTime: Infinity,
    refetchInterval: false,
  })

export const plugins = queryOptions({
  queryKey: ['plugins'],
  queryFn: ({ signal }) => call('listPlugins', { signal }),
  refetchInterval: 5_000,
})
type DeliveryState = NonNullable<NonNullable<Input<'listDeliveries'>['query']>['state']>
export const deliveriesOf = (name: string, state: DeliveryState | undefined) =>
  infiniteQueryOptions({
    queryKey: ['plugins', 'deliveries', name, state ?? 'all'],
    queryFn: ({ signal, pageParam }) =>
      callPage('listDeliveries', {
        params: { name },
        query: {
          limit: 100,
          ...(state === undefined ? {} : { state }),
          ...(pageParam === '' ? {} : { cursor: pageParam }),
        },
        signal,
      }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    refetchInterval: 5_000,
  })

export const agents = queryOptions({
  queryKey: ['agents'],
  queryFn: ({ signal }) => call('listAgents', { signal }),
  refetchInterval: 5_000,
})
export const agentById = (id: string) =>
  queryOptions({
    queryKey: ['agents', 'one', id],
    queryFn: ({ signal }) => call('showAgent', { params: { id }, signal }),
    refetchInterval: 5_000,
  })
export const agentStatistics = queryOptions({
  queryKey: ['agents', 'statistics'],
  queryFn: ({ signal }) => call('agentStatistics', { query: {}, signal }),
})
export const enrolmentTokens = queryOptions({
  queryKey: ['agents', 'tokens'],
  queryFn: ({ signal }) => call('listEnrolmentTokens', { signal }),
})
/** What runs where, as far as the question goes, and why there. */
export const placementOf = (query: { readonly agent: string } | { readonly group: string; readonly system: string }) =>
  infiniteQueryOptions({
    queryKey: ['placement', query],
    queryFn: ({ signal, pageParam }) =>
      callPage('listPlacement', { query: { ...query, ...(pageParam === '' ? {} : { cursor: pageParam }) }, signal }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
  })
export const associations = queryOptions({
  queryKey: ['associations'],
  queryFn: ({ signal }) => call('listAssociations', { signal }),
})
/** The alarms that Farwatch raises about itself and its agents. */
export const ownAlarms = openAlarms({ system: 'farwatch' })
/** Of the agent here to its server; nothing announces its changes. */
export const connection = queryOptions({
  queryKey: ['connection'],
  queryFn: ({ signal }) => call('showConnection', { signal }),
  refetchInterval: 2_000,
})
export const certificates = queryOptions({
  queryKey: ['certificates'],
  queryFn: ({ signal }) => call('listCertificates', { signal }),
})
/** No event tells of the pair. */
export const failover = queryOptions({
  queryKey: ['failover'],
  queryFn: ({ signal }) => call('showFailover', { signal }),
  refetchInterval: 2_000,
})
export const drills = queryOptions({
  queryKey: ['failover', 'drills'],
  queryFn: ({ signal }) => call('listDrills', { signal }),
})
/** What the pair did and why, as it stands in the audit log. */
export const failoverHistory = queryOptions({
  queryKey: ['failover', 'history'],
  queryFn: ({ signal }) => call('listAudit', { query: { who: 'failover', limit: 30 }, signal }),
})
export const settings = queryOptions({
  queryKey: ['settings'],
  queryFn: async ({ signal }) => {
    const answer = await call('showSettings', { query: { details: true }, signal })
    // `details` is what makes the answer the list rather than the plain map.
    return Array.isArray(answer) ? answer : []
  },
})
