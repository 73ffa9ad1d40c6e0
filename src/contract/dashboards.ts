import { Type, type Static } from 'typebox'
import { Difference } from './administration.ts'
import { dashboardVariables, panelAggregations, panelKinds } from './configuration.ts'
import type { Operation } from './operation.ts'
import { Name, exact } from './schemas.ts'

/** As it is in force, with the defaults applied; the document writes it shorter. */
export const DashboardAnswer = exact({
  name: Name,
  description: Type.String(),
  variables: Type.Array(Type.Enum([...dashboardVariables])),
  panels: Type.Array(
    exact({
      title: Type.String(),
      kind: Type.Enum([...panelKinds]),
      series: Type.Array(Type.String()),
      agg: Type.Optional(Type.Enum([...panelAggregations])),
      width: Type.Integer({ minimum: 1, maximum: 12 }),
      height: Type.Integer({ minimum: 1, maximum: 6 }),
    }),
  ),
})
export type DashboardAnswer = Static<typeof DashboardAnswer>

const tag = 'Dashboards'

export const dashboardOperations = {
  listDashboards: {
    method: 'GET',
    path: '/dashboards',
    tag,
    summary: 'Every dashboard, by name; everybody sees them, and on them what they may see',
    allowed: 'viewer',
    answer: Type.Array(DashboardAnswer),
  },
  saveDashboard: {
    method: 'PUT',
    path: '/dashboards/{name}',
    tag,
    summary: 'Adds or replaces a dashboard; what is wrong with it is named as in the configuration document',
    allowed: 'editor',
    params: exact({ name: Name }),
    body: Type.Unknown({ description: 'As in the configuration document, without the name' }),
    answer: Difference,
  },
  removeDashboard: {
    method: 'DELETE',
    path: '/dashboards/{name}',
    tag,
    summary: 'Removes a dashboard',
    allowed: 'editor',
    params: exact({ name: Name }),
    answer: Difference,
  },
} as const satisfies Record<string, Operation>
