// Which pages of the portal are pictured, and how one gets to what each is to show: all that there is to see, dialogs as well.
import type { Browser, Page } from 'playwright-core'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { signIn } from '../test/portal/browser.ts'
import type { TestInstance } from '../test/support/instance.ts'
import type { PictureWorld } from './picture-world.ts'

/** `of`: whose page it is; the first of the servers where nothing is said. `nobody`: it is seen before signing in. */
interface Picture {
  readonly path: string
  readonly of?: 'agent' | 'fresh' | 'nobody'
  /** What is done on the page before it is what the picture shows. */
  readonly act?: (page: Page) => Promise<void>
}

const press = (name: string | RegExp) => (page: Page) =>
  page.getByRole('button', { name }).filter({ visible: true }).first().click()

/** Each page by the name of its picture. */
async function picturesOf({ server, fresh }: PictureWorld): Promise<Readonly<Record<string, Picture>>> {
  const systems = await server.call('listSystems', { query: {} })
  const idOf = (name: string) => systems.find((one) => one.name === name)?.id ?? ''
  const alarms = await server.call('listAlarms', { query: { state: 'open', system: 'payments' } })
  const agents = await server.call('listAgents')
  const [snapshot] = await server.call('listSnapshots')
  // The life of the world: wider, and half of each chart would be empty.
  const to = Date.now()
  const lately = `from=${to - 6 * 60_000}&to=${to}`
  const payments = `/systems/${idOf('payments')}?${lately}`
  const explorer = `/explore?q1=${encodeURIComponent('duration{group="shop", monitor="http.response"}')}&q2=${encodeURIComponent('orders{system="storefront"}')}&${lately}`
  return {
    'sign-in': { path: '/sign-in', of: 'nobody' },
    'set-up': { path: fresh.setUpPath, of: 'fresh' },
    'own-agent': { path: '/', of: 'agent' },
    'own-agent-role': { path: '/instance', of: 'agent' },
    overview: { path: '/?span=1h' },
    wall: { path: '/?wall=1' },
    palette: {
      path: '/systems',
      act: async (page) => {
        await page.keyboard.press('Control+k')
        await page.getByRole('combobox', { name: 'Go to or do' }).fill('st')
      },
    },
    systems: { path: '/systems' },
    system: { path: payments },
    'system-results': { path: payments, act: press('Results') },
    'system-run-now': {
      path: payments,
      act: async (page) => {
        await press('Run now')(page)
        await page.getByText('A run by hand is not stored and raises no alarm.').waitFor()
      },
    },
    'system-in-maintenance': { path: `/systems/${idOf('storefront-test')}?${lately}` },
    machine: { path: `/systems/${idOf('berlin-1')}?${lately}` },
    nothing: { path: '/systems/nothing' },
    alarms: { path: '/alarms' },
    'alarms-grouped': { path: '/alarms?by=system' },
    'alarms-chosen': {
      path: '/alarms',
      act: async (page) => {
        await page.getByRole('checkbox').first().check()
        await press('Acknowledge')(page)
      },
    },
    alarm: { path: `/alarms/${alarms[0]?.id ?? ''}` },
    explorer: { path: explorer },
    'explorer-pin': { path: explorer, act: press('Pin to a dashboard') },
    dashboards: { path: '/dashboards' },
    dashboard: { path: `/dashboards/shop?${lately}` },
    'dashboard-editor': { path: '/dashboards/shop?edit=1' },
    agents: { path: '/agents' },
    'agents-add': { path: '/agents', act: press('Add an agent') },
    agent: { path: `/agents/${agents.find(({ name }) => name === 'berlin-1')?.id ?? ''}` },
    associations: { path: '/agents?tab=associations' },
    'associations-change': {
      path: '/agents?tab=associations',
      act: async (page) => {
        await page.getByLabel('berlin-2 runs shop').uncheck()
        await press('What would this change?')(page)
      },
    },
    configuration: { path: '/configuration' },
    'configuration-group': { path: '/configuration?group=shop' },
    'configuration-system': { path: '/configuration?group=shop&system=storefront' },
    'configuration-connector': { path: '/configuration?group=shop&system=storefront&connector=front' },
    'configuration-test': {
      path: '/configuration?group=shop&system=storefront&connector=front',
      act: async (page) => {
        await press('Test…')(page)
        await press('Run once')(page)
        await page.getByRole('dialog').getByText('Ran', { exact: true }).waitFor()
      },
    },
    'configuration-credential': { path: '/configuration?group=shop&add=credential' },
    'configuration-discovery': {
      path: '/configuration?group=machines&add=discovery',
      act: async (page) => {
        await page.getByLabel('Host name or address').fill('127.0.0.1')
        await press('Look')(page)
        await page.getByRole('list', { name: 'Proposals' }).waitFor()
      },
    },
    'configuration-assign': {
      path: '/configuration',
      act: async (page) => {
        for (const name of ['payments', 'search']) await page.getByLabel(`Mark ${name}`, { exact: true }).check()
        await press('Profiles and tags…')(page)
      },
    },
    'configuration-profiles': { path: '/configuration?tab=profiles&profile=web' },
    'configuration-monitor': { path: '/configuration?tab=profiles&profile=web&monitor=http.response' },
    'configuration-library': { path: '/configuration?tab=library&monitor=http.response' },
    'configuration-document': { path: '/configuration?tab=document' },
    'configuration-import': { path: '/configuration?tab=apply' },
    'configuration-difference': {
      path: '/configuration?tab=apply',
      act: async (page) => {
        const text = page.getByLabel('Configuration document (YAML or JSON)')
        await text.fill('groups:\n  - name: shop\n    description: What customers see, and pay for\n  - name: stores\n')
        await press('Show the difference')(page)
        await page.getByText(/to add, .* to change/).waitFor()
      },
    },
    'configuration-revisions': { path: '/configuration?tab=revisions&from=1&to=2' },
    'configuration-undo': { path: '/configuration?tab=revisions&from=2&to=3', act: press('Undo…') },
    plugins: { path: '/plugins?plugin=on-call&show=all' },
    'plugins-add': {
      path: '/plugins',
      act: async (page) => {
        await press('Add a plugin')(page)
        await page.getByRole('dialog').getByLabel('Kind').selectOption('email')
      },
    },
    instance: { path: '/instance' },
    role: { path: '/instance?tab=role' },
    failover: { path: '/instance?tab=failover' },
    'failover-drill': { path: '/instance?tab=failover', act: press('Run a drill…') },
    certificates: { path: '/instance?tab=certificates' },
    settings: { path: '/instance?tab=settings' },
    log: { path: '/instance?tab=log' },
    account: { path: '/instance?tab=account' },
    about: { path: '/instance?tab=about' },
    'first-steps': { path: '/first-steps' },
    users: { path: '/administration' },
    'users-add': { path: '/administration', act: press('Add a user') },
    tokens: { path: '/administration?tab=tokens' },
    maintenance: { path: '/administration?tab=maintenance' },
    'maintenance-calendar': { path: '/administration?tab=maintenance&view=calendar' },
    'maintenance-form': { path: '/administration?tab=maintenance&window=monthly+patches' },
    statistics: { path: '/administration?tab=statistics&by=task' },
    snapshots: { path: `/administration?tab=snapshots&snapshot=${snapshot?.id ?? ''}` },
    audit: { path: '/administration?tab=audit' },
  }
}

const desk = { width: 1280, height: 860 }
const phone = { width: 390, height: 844 }

/**
 * Takes the pictures: light, dark (`-dark`) and on a phone (`-phone`). `names`: only these. What cannot be taken is told, and does not keep the
 * others from being taken.
 * @returns what could not be taken
 */
export async function takePictures(
  browser: Browser,
  world: PictureWorld,
  into: string,
  names: readonly string[] = [],
): Promise<readonly string[]> {
  const pictures = await picturesOf(world)
  const unknown = names.filter((name) => !Object.hasOwn(pictures, name))
  if (unknown.length > 0)
    throw new Error(`There is no picture ${unknown.join(', ')}; there are ${Object.keys(pictures).join(', ')}`)
  const wanted = Object.entries(pictures).filter(([name]) => names.length === 0 || names.includes(name))
  const failed: string[] = []
  for (const [viewport, isPhone] of [
    [desk, false],
    [phone, true],
  ] as const) {
    await using visitors = new Visitors(browser, world, viewport)
    for (const [name, picture] of wanted) {
      try {
        const page = await visitors.at(picture)
        await page.screenshot({ path: join(into, `${name}${isPhone ? '-phone' : ''}.png`) })
        if (isPhone) continue
        await page.emulateMedia({ colorScheme: 'dark' })
        // Charts are drawn anew; there is no event to wait for from outside.
        await pause(700)
        await page.screenshot({ path: join(into, `${name}-dark.png`) })
        await page.emulateMedia({ colorScheme: 'light' })
      } catch (thrown) {
        failed.push(`${name}${isPhone ? '-phone' : ''}: ${String(thrown)}`)
      }
    }
  }
  return failed
}

/** A browser window for each of those who look, signed in when they first look. */
class Visitors implements AsyncDisposable {
  readonly #browser: Browser
  readonly #world: PictureWorld
  readonly #viewport: { readonly width: number; readonly height: number }
  readonly #pages = new Map<Picture['of'], Page>()

  constructor(browser: Browser, world: PictureWorld, viewport: { readonly width: number; readonly height: number }) {
    this.#browser = browser
    this.#world = world
    this.#viewport = viewport
  }

  /** The page as the picture is to show it. */
  async at({ path, of, act }: Picture): Promise<Page> {
    const { server, fresh, agent } = this.#world
    const instance = of === 'agent' ? agent : of === 'fresh' ? fresh.instance : server
    const page = await this.#pageOf(of, instance)
    await page.goto(instance.url + path)
    await settled(page)
    if (act === undefined) return page
    await act(page)
    await settled(page)
    return page
  }

  async #pageOf(of: Picture['of'], instance: TestInstance): Promise<Page> {
    const known = this.#pages.get(of)
    if (known !== undefined) return known
    const context = await this.#browser.newContext({
      ignoreHTTPSErrors: true,
      colorScheme: 'light',
      viewport: this.#viewport,
    })
    const page = await context.newPage()
    page.setDefaultTimeout(30_000)
    if (of === undefined || of === 'agent') await signIn(page, instance)
    this.#pages.set(of, page)
    return page
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const page of this.#pages.values()) await page.context().close()
  }
}

/** Until nothing waits any more. What is not there after so long is a picture of its waiting. */
async function settled(page: Page): Promise<void> {
  await page.waitForLoadState('load')
  await page.getByRole('heading').first().waitFor()
  const waiting = page.locator('.mantine-Skeleton-root, .waiting').first()
  // What has come may wait for more, and charts draw after their data came; there is no event to wait for from outside.
  for (const ms of [500, 1_000]) {
    await waiting.waitFor({ state: 'detached' }).catch(() => undefined)
    await pause(ms)
  }
}
