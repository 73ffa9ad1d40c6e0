import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { CountingTarget } from '../support/counting-target.ts'
import { TestInstance, until } from '../support/instance.ts'
import { expectAccessible } from './axe.ts'
import { openBrowser, signedInPage } from './browser.ts'

vi.setConfig({ testTimeout: 400_000, hookTimeout: 300_000 })

let instance: TestInstance
let browser: Browser
let page: Page
let complaints: readonly string[]
/** Each page there is, by what it is about. */
let pages: readonly string[]

beforeAll(async () => {
  instance = await TestInstance.start()
  browser = await openBrowser()
  await using target = await CountingTarget.start()
  await instance.call('applyConfiguration', {
    query: {},
    body: {
      profiles: [{ name: 'web', connector: 'http', monitors: [{ monitor: 'http.response', period: '1s' }] }],
      groups: [
        {
          name: 'acme-of-the-long-name-that-a-holding-has',
          credentials: [{ name: 'login', type: 'basic', username: 'monitor', secret: { value: 'not a real one' } }],
          systems: [
            {
              name: 'shop.with-a-name-as-long-as-names-of-hosts-are.example.net',
              type: 'web',
              tags: { env: 'prod', owner: 'the-team-for-everything' },
              connectors: [
                { name: 'front', type: 'http', settings: { url: `${target.url}/counter` }, profiles: ['web'] },
              ],
            },
          ],
        },
      ],
      dashboards: [
        {
          name: 'board',
          variables: ['group', 'system'],
          panels: [{ title: 'A', kind: 'table', series: ['duration'] }],
        },
      ],
      plugins: [{ name: 'hook', plugin: 'webhook', settings: { url: 'http://127.0.0.1:9/' }, sends: ['alarms'] }],
      maintenances: [{ name: 'nights', begins: '2026-01-01T00:00', lasts: '1h', repeats: { every: 'week' } }],
    },
  })
  const group = 'acme-of-the-long-name-that-a-holding-has'
  await until(
    'it is measured',
    () => instance.call('listTasks', { query: { group } }),
    ([task]) => task?.lastOutcome === 'ran',
  )
  await target.stop()
  const [alarm] = await until(
    'it is alarmed',
    () => instance.call('listAlarms', { query: { group } }),
    (alarms) => alarms.length > 0,
  )
  const [system] = await instance.call('listSystems', { query: { group } })
  const [agent] = await instance.call('listAgents')
  const at = `group=${group}&system=${system!.name}`
  pages = [
    ...['/', '/?wall=1', '/first-steps', '/systems', `/systems/${system!.id}`, '/alarms', `/alarms/${alarm!.id}`],
    ...['/explore?q1=duration', '/dashboards', '/dashboards/board', '/dashboards/board?edit=1', '/plugins?show=all'],
    ...['/agents', `/agents/${agent!.id}`, '/agents?tab=associations'],
    ...['', `?group=${group}`, `?${at}`, `?${at}&connector=front`, `?group=${group}&credential=login`].map(
      (search) => `/configuration${search}`,
    ),
    ...[
      ...['profiles&profile=web', 'profiles&profile=web&monitor=http.response', 'library&monitor=http.response'],
      ...['document', 'apply', 'revisions&from=1&to=2'],
    ].map((tab) => `/configuration?tab=${tab}`),
    ...['status', 'role', 'failover', 'settings', 'certificates', 'log', 'account', 'about'].map(
      (tab) => `/instance?tab=${tab}`,
    ),
    ...['users', 'tokens', 'maintenance', 'maintenance&view=calendar', 'statistics', 'snapshots', 'audit'].map(
      (tab) => `/administration?tab=${tab}`,
    ),
  ]
  ;({ page, complaints } = await signedInPage(browser, instance))
})

afterAll(async () => {
  await browser?.close()
  await instance?.[Symbol.asyncDispose]()
})

/** What stands out of the window to the right, by what it is. As text, because it runs in the browser, of which the types here know nothing. */
function standsOut(): Promise<readonly string[]> {
  return page.evaluate<string[]>(`(() => {
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth
    if (wide <= 0) return []
    return [...document.querySelectorAll('main *, header *')]
      .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && one.closest('.visually-hidden') === null)
      .map((one) => one.tagName.toLowerCase() + '.' + one.className)
      .slice(0, 3)
      .concat(String(wide) + ' px')
  })()`)
}

test('every page fits a phone and is accessible in dark colours, and asks nobody but its own server', async () => {
  await page.setViewportSize({ width: 390, height: 844 })
  await page.emulateMedia({ colorScheme: 'dark' })
  const tooWide: Record<string, readonly string[]> = {}
  for (const path of pages) {
    await page.goto(instance.url + path)
    await page.getByRole('heading', { level: 1 }).first().waitFor()
    await page.locator('.mantine-Skeleton-root, .waiting').first().waitFor({ state: 'detached' })
    await expectAccessible(page)
    const found = await standsOut()
    if (found.length > 0) tooWide[path] = found
  }
  expect([tooWide, complaints]).toEqual([{}, []])
})
