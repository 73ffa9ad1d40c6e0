import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import { fetchLists } from './api/queries.ts'
import { session } from './api/session.ts'
import { OverviewPage } from './pages/overview.tsx'
import { Crashed, NothingHere, Waiting } from './parts/states.tsx'
import { Shell } from './shell/shell.tsx'

/** Search parameters are plain texts in the address, without the quotes and braces of JSON, so that people can read and write them. */
type Search = Readonly<Record<string, string>>

function texts<K extends string>(...keys: readonly K[]): (search: Record<string, unknown>) => { [N in K]?: string } {
  return (search) => {
    const read: { [N in K]?: string } = {}
    for (const key of keys) {
      const value = search[key]
      if (typeof value === 'string' && value !== '') read[key] = value
    }
    return read
  }
}

const root = createRootRoute({ component: Outlet, notFoundComponent: NothingHere, errorComponent: Crashed })

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: texts('return'),
  component: lazyRouteComponent(() => import('./pages/sign-in.tsx'), 'SignInPage'),
})

const setUp = createRoute({
  getParentRoute: () => root,
  path: '/setup',
  validateSearch: texts('token'),
  component: lazyRouteComponent(() => import('./pages/set-up.tsx'), 'SetUpPage'),
})

/** Everything below needs a session; without one the way leads through signing in and back. */
const signedIn = createRoute({
  getParentRoute: () => root,
  id: 'signed-in',
  beforeLoad: ({ location }) => {
    if (session() === null) {
      throw redirect({ to: '/sign-in', search: location.href === '/' ? {} : { return: location.href }, replace: true })
    }
  },
  component: Shell,
})

const overview = createRoute({
  getParentRoute: () => signedIn,
  path: '/',
  validateSearch: texts('text', 'state', 'group', 'tag', 'span', 'wall'),
  loader: fetchLists,
  component: OverviewPage,
})

const systems = createRoute({
  getParentRoute: () => signedIn,
  path: '/systems',
  validateSearch: texts('text', 'state', 'group', 'tag'),
  loader: fetchLists,
  component: lazyRouteComponent(() => import('./pages/systems.tsx'), 'SystemsPage'),
})

const system = createRoute({
  getParentRoute: () => signedIn,
  path: '/systems/$id',
  validateSearch: texts('range', 'from', 'to'),
  component: lazyRouteComponent(() => import('./pages/system.tsx'), 'SystemPage'),
})

const alarms = createRoute({
  getParentRoute: () => signedIn,
  path: '/alarms',
  validateSearch: texts('state', 'severity', 'group', 'text', 'by'),
  component: lazyRouteComponent(() => import('./pages/alarms.tsx'), 'AlarmsPage'),
})

const alarm = createRoute({
  getParentRoute: () => alarms,
  path: '$alarm',
  component: lazyRouteComponent(() => import('./pages/alarm.tsx'), 'AlarmDrawer'),
})

const metrics = createRoute({
  getParentRoute: () => signedIn,
  // Not /metrics: there the server tells of itself.
  path: '/explore',
  validateSearch: texts('q1', 'q2', 'q3', 'q4', 'range', 'from', 'to', 'agg', 'compare'),
  component: lazyRouteComponent(() => import('./pages/metrics.tsx'), 'MetricsPage'),
})

const dashboards = createRoute({
  getParentRoute: () => signedIn,
  path: '/dashboards',
  component: lazyRouteComponent(() => import('./pages/dashboards.tsx'), 'DashboardsPage'),
})

const dashboard = createRoute({
  getParentRoute: () => signedIn,
  path: '/dashboards/$name',
  validateSearch: texts('range', 'from', 'to', 'group', 'system', 'tag', 'edit'),
  component: lazyRouteComponent(() => import('./pages/dashboard.tsx'), 'DashboardPage'),
})

const agents = createRoute({
  getParentRoute: () => signedIn,
  path: '/agents',
  validateSearch: texts('tab', 'text', 'agent'),
  component: lazyRouteComponent(() => import('./pages/agents.tsx'), 'AgentsPage'),
})

const agent = createRoute({
  getParentRoute: () => signedIn,
  path: '/agents/$id',
  component: lazyRouteComponent(() => import('./pages/agent.tsx'), 'AgentPage'),
})

const configuration = createRoute({
  getParentRoute: () => signedIn,
  path: '/configuration',
  validateSearch: texts(
    'tab',
    'text',
    'group',
    'system',
    'connector',
    'credential',
    'profile',
    'monitor',
    'add',
    'from',
    'to',
  ),
  component: lazyRouteComponent(() => import('./pages/configuration.tsx'), 'ConfigurationPage'),
})

const plugins = createRoute({
  getParentRoute: () => signedIn,
  path: '/plugins',
  validateSearch: texts('plugin', 'show'),
  component: lazyRouteComponent(() => import('./pages/plugins.tsx'), 'PluginsPage'),
})

const firstSteps = createRoute({
  getParentRoute: () => signedIn,
  path: '/first-steps',
  component: lazyRouteComponent(() => import('./pages/first-steps.tsx'), 'FirstStepsPage'),
})

const administrationSearch = [
  ...(['tab', 'text', 'view', 'month', 'window'] as const),
  ...(['who', 'from', 'to', 'entry'] as const),
  ...(['snapshot', 'against'] as const),
  ...(['range', 'by', 'sort', 'group', 'system', 'monitor'] as const),
] as const

const administration = createRoute({
  getParentRoute: () => signedIn,
  path: '/administration',
  validateSearch: texts(...administrationSearch),
  component: lazyRouteComponent(() => import('./pages/administration.tsx'), 'AdministrationPage'),
})

const instance = createRoute({
  getParentRoute: () => signedIn,
  path: '/instance',
  validateSearch: texts('tab', 'level', 'text'),
  component: lazyRouteComponent(() => import('./pages/instance.tsx'), 'InstancePage'),
})

export const router = createRouter({
  routeTree: root.addChildren([
    signIn,
    setUp,
    signedIn.addChildren([
      overview,
      systems,
      system,
      alarms.addChildren([alarm]),
      metrics,
      dashboards,
      dashboard,
      agents,
      agent,
      configuration,
      plugins,
      administration,
      firstSteps,
      instance,
    ]),
  ]),
  basepath: new URL(document.baseURI).pathname,
  parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
  stringifySearch: (search: Search) => {
    const text = new URLSearchParams(
      Object.entries(search).filter(([, value]) => value !== undefined && value !== ''),
    ).toString()
    return text === '' ? '' : `?${text}`
  },
  defaultPreload: 'intent',
  defaultPendingComponent: Waiting,
  defaultErrorComponent: Crashed,
  defaultNotFoundComponent: NothingHere,
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
