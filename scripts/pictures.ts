// npm run pictures [-- folder]: the portal as it looks, light, dark and on a phone, from a real instance that watches a target which
// fails for a while. docs/images/system.png is one of them.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openBrowser } from '../test/portal/browser.ts'
import { CountingTarget } from '../test/support/counting-target.ts'
import { TestInstance, adminPassword, until } from '../test/support/instance.ts'
import { root } from './install.mjs'

const folder = process.argv[2] ?? join(root, 'docs', 'images')
await mkdir(folder, { recursive: true })

await using target = await CountingTarget.start()
await using instance = await TestInstance.start()
await instance.call('applyConfiguration', {
  query: {},
  body: {
    profiles: [
      {
        name: 'web',
        connector: 'http',
        monitors: [{ monitor: 'http.response', period: '1s', settings: { extract: { orders: '$.hits' } } }],
      },
      { name: 'port', connector: 'tcp', monitors: [{ monitor: 'tcp.port', period: '2s' }] },
    ],
    groups: [
      {
        name: 'acme',
        systems: [
          {
            name: 'shop',
            type: 'web',
            tags: { env: 'prod', owner: 'webteam' },
            connectors: [
              { name: 'front', type: 'http', settings: { url: `${target.url}/counter` }, profiles: ['web'] },
              {
                name: 'port',
                type: 'tcp',
                settings: { host: '127.0.0.1', port: Number(new URL(target.url).port) },
                profiles: ['port'],
              },
            ],
          },
        ],
      },
    ],
  },
})
await instance.call('createUser', {
  body: { username: 'erin', password: 'a long enough one', grants: [{ group: 'acme', role: 'editor' }] },
})
await instance.call('createMaintenance', {
  body: {
    name: 'monthly patches',
    reason: 'Operating system updates',
    group: 'acme',
    begins: '2026-01-01T22:00',
    lasts: '4h',
    zone: 'Europe/Berlin',
    repeats: { every: 'month', on: ['2nd tue'] },
  },
})
const { id: snapshot } = await instance.call('createSnapshot', { body: { name: 'before the move' } })
await instance.call('saveDashboard', {
  params: { name: 'shops' },
  body: {
    description: 'How the shops answer',
    variables: ['group', 'system'],
    panels: [
      {
        title: 'Answer times',
        kind: 'chart',
        series: ['duration{group="$group", system="$system"}'],
        width: 8,
        height: 3,
      },
      { title: 'Orders', kind: 'number', series: ['orders'], width: 4, height: 3 },
      { title: 'The shop', kind: 'table', series: ['*{system="shop"}'], width: 12, height: 3 },
    ],
  },
})
// Long enough that a chart shows something, with a failure in the middle and one that goes on.
await pause(150_000)
await target.stop()
await pause(25_000)
await target.listen()
await pause(60_000)
await target.stop()
const open = () => instance.call('listAlarms', { query: { state: 'open', system: 'shop' } })
const [alarm] = await until('the alarm is there', open, (alarms) => alarms.length > 0)
const [system] = (await instance.call('listSystems', { query: { text: 'shop' } })).filter(({ name }) => name === 'shop')

const pages = {
  overview: '/',
  wall: '/?wall=1',
  systems: '/systems',
  system: `/systems/${system!.id}?range=15m`,
  alarms: '/alarms',
  metrics: `/explore?q1=${encodeURIComponent('duration{group="acme"}')}&range=15m`,
  dashboards: '/dashboards',
  dashboard: '/dashboards/shops?range=15m',
  alarm: `/alarms/${alarm!.id}`,
  configuration: '/configuration',
  'configuration-connector': '/configuration?group=acme&system=shop&connector=front',
  'configuration-credential': '/configuration?group=acme&add=credential',
  'configuration-profiles': '/configuration?tab=profiles&profile=web',
  'configuration-monitor': '/configuration?tab=profiles&profile=web&monitor=http.response',
  'configuration-library': '/configuration?tab=library&monitor=http.response',
  'configuration-document': '/configuration?tab=document',
  'configuration-import': '/configuration?tab=apply',
  'configuration-revisions': '/configuration?tab=revisions&from=1&to=2',
  plugins: '/plugins',
  instance: '/instance',
  settings: '/instance?tab=settings',
  log: '/instance?tab=log',
  about: '/instance?tab=about',
  'first-steps': '/first-steps',
  users: '/administration',
  tokens: '/administration?tab=tokens',
  maintenance: '/administration?tab=maintenance',
  'maintenance-calendar': '/administration?tab=maintenance&view=calendar',
  'maintenance-form': '/administration?tab=maintenance&window=monthly+patches',
  statistics: '/administration?tab=statistics&by=task',
  snapshots: `/administration?tab=snapshots&snapshot=${snapshot}`,
  audit: '/administration?tab=audit',
}
await using browser = await openBrowser()
for (const look of [
  { name: '', colorScheme: 'light', viewport: { width: 1280, height: 860 } },
  { name: '-dark', colorScheme: 'dark', viewport: { width: 1280, height: 860 } },
  { name: '-phone', colorScheme: 'light', viewport: { width: 390, height: 844 } },
] as const) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    colorScheme: look.colorScheme,
    viewport: look.viewport,
  })
  const page = await context.newPage()
  await page.goto(instance.url)
  await page.getByLabel('User name').fill('admin')
  await page.getByLabel('Password', { exact: true }).fill(adminPassword)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: 'Main' }).first().waitFor()
  for (const [name, path] of Object.entries(pages)) {
    await page.goto(instance.url + path)
    await page.waitForLoadState('load')
    // Charts draw after their data came; there is no event to wait for from outside.
    await pause(2_500)
    await page.screenshot({ path: join(folder, `${name}${look.name}.png`) })
  }
  await context.close()
}
