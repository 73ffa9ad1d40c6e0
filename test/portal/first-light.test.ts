import { expect, test } from 'vitest'
import { CountingTarget } from '../support/counting-target.ts'
import { adminPassword, TestInstance, until } from '../support/instance.ts'
import { openBrowser, watchPage } from './browser.ts'

const watched = (url: string) => ({
  profiles: [{ name: 'web-basic', connector: 'http', monitors: [{ monitor: 'http.response', period: '2s' }] }],
  groups: [
    {
      name: 'acme',
      systems: [
        {
          name: 'shop',
          type: 'web',
          tags: { env: 'prod' },
          connectors: [{ name: 'front', type: 'http', settings: { url }, profiles: ['web-basic'] }],
        },
      ],
    },
  ],
})

test('somebody signs in, sees the host, its charts, and an alarm that appears by itself', async () => {
  await using instance = await TestInstance.start()
  await using target = await CountingTarget.start()
  await using browser = await openBrowser()
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1360, height: 860 } })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const complaints = watchPage(page)
  const place = (name: string | RegExp) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name })

  // A deep link leads through signing in, and back to where it pointed.
  await page.goto(`${instance.url}/alarms?state=all`)
  await page.getByLabel('User name').fill('admin')
  await page.getByLabel('Password', { exact: true }).fill(adminPassword)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${instance.url}/alarms?state=all`)

  // The machine itself is watched out of the box.
  const systems = await until(
    'the own host is measured',
    () => instance.call('listTasks', { query: { monitor: 'host.local' } }),
    (tasks) => tasks.some((task) => task.lastOutcome === 'ran'),
  )
  const own = systems.find((task) => task.monitor === 'host.local')!
  await place('Overview').click()
  await page.getByRole('link', { name: own.system, exact: true }).click()
  await page.getByRole('heading', { level: 1, name: own.system }).waitFor()

  // Its charts show values: what a chart says to a screen reader ends with the latest one.
  const chart = page.locator('.chart canvas').first()
  await chart.waitFor()
  const told = await page.locator('.chart').first().getAttribute('aria-label')
  expect(told).toMatch(/: .*\d/)

  // A new system appears without a reload, and so does the alarm when it stops answering.
  await place('Overview').click()
  await instance.call('applyConfiguration', { query: {}, body: watched(`${target.url}/counter`) })
  await page.getByRole('link', { name: 'shop', exact: true }).waitFor()
  await until(
    'the shop is measured',
    () => instance.call('listTasks', { query: { system: 'shop' } }),
    (tasks) => tasks[0]?.lastOutcome === 'ran',
  )
  await place(/^Alarms/).click()
  await target.stop()
  await page.getByRole('row', { name: /acme \/ shop/ }).waitFor()

  // It is acknowledged by clicking; the server knows by whom.
  await page
    .getByRole('row', { name: /acme \/ shop/ })
    .getByRole('link')
    .click()
  await page.getByRole('button', { name: 'Acknowledge' }).click()
  await page.getByLabel('Comment (optional)').fill('looking into it')
  await page.getByRole('dialog').getByRole('button', { name: 'Acknowledge' }).last().click()
  await page.getByText('looking into it').waitFor()
  const [alarm] = await instance.call('listAlarms', { query: { system: 'shop', state: 'acknowledged' } })
  expect([alarm?.acknowledgedBy, complaints]).toEqual(['admin', []])
})

test('when the server is gone the page says so, and comes back by itself', async () => {
  await using instance = await TestInstance.start()
  await using browser = await openBrowser()
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
  page.setDefaultTimeout(30_000)
  await page.goto(`${instance.url}/sign-in`)
  await page.getByLabel('User name').fill('admin')
  await page.getByLabel('Password', { exact: true }).fill(adminPassword)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Live', { exact: true }).waitFor()

  await instance.kill()
  await page.getByText(/No live updates since/).waitFor()
  await instance.start()
  await page.getByText('Live', { exact: true }).waitFor()
  expect(await page.getByText(/No live updates since/).count()).toBe(0)
})
