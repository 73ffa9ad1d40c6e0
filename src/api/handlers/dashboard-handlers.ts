import { may } from '../../access/index.ts'
import { FarwatchError, suggest } from '../../base/index.ts'
import type { Inventory } from '../../inventory/index.ts'
import type { Caller, Handlers } from '../route.ts'
import { shownDifference } from './configuration-handlers.ts'

type Names = 'listDashboards' | 'saveDashboard' | 'removeDashboard'

/** Dashboards belong to no group: who may edit everywhere edits them, as the inventory itself demands. */
export function dashboardHandlers({ inventory }: { readonly inventory: Inventory }): Handlers<Names> {
  const by = ({ username, grants }: Caller, comment: string) => ({
    author: username,
    comment,
    allowed: (group: string | null, role: 'editor' | 'admin') => may(grants, role, group),
  })
  return {
    listDashboards: () =>
      inventory.dashboards().map(({ variables, panels, ...rest }) => ({
        ...rest,
        variables: [...variables],
        panels: panels.map((panel) => ({ ...panel, series: [...panel.series] })),
      })),
    saveDashboard: async ({ caller, params, body }) => {
      if (typeof body !== 'object' || body === null || Array.isArray(body) || 'name' in body)
        throw new FarwatchError(
          'bad-request',
          'the body must be a dashboard without its name, which stands in the path',
        )
      const document = { dashboards: [{ ...body, name: params.name }] }
      return shownDifference(await inventory.apply(document, by(caller, `dashboard ${params.name}`)))
    },
    removeDashboard: async ({ caller, params }) => {
      const names = inventory.dashboards().map(({ name }) => name)
      if (!names.includes(params.name))
        throw new FarwatchError('not-found', `there is no dashboard ${JSON.stringify(params.name)}`, {
          hint: suggest(params.name, names),
        })
      return shownDifference(
        await inventory.removeDashboard(params.name, by(caller, `dashboard ${params.name} removed`)),
      )
    },
  }
}
