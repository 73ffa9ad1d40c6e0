import { expect, test } from 'vitest'
import { CountingTarget } from '../support/counting-target.ts'
import { TestInstance, until } from '../support/instance.ts'
import { openBrowser, signedInPage } from './browser.ts'

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
  // A deep link leads through signing in, and back to where it pointed.
  const { page, complaints } = await signedInPage(browser, instance, { path: '/alarms?state=all' })
  const place = (name: string | RegExp) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name })
  await page.waitForURL(`${instance.url}/alarms?state=all`)

  // The machine itself is watched out of the box.
  const systems = await until(
    'the own host is measured',
    () => instance.call('listTasks', { query: { monitor: 'host.local' } }),
    (tasks) => tasks.some((task) => task.lastOutcome === 'ran'),
  )
  const own = systems.find((task) => task.monitor === 'host.local')!
  await place('Overview').click()
  // By the keyboard: on a busy machine the host's own state changes, and its row moves away from under a mouse.
  await page.getByRole('link', { name: own.system, exact: true }).press('Enter')
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

  // It is acknowledged by clicking. That is seen before the server has answered, and taken back where it refuses.
  const row = page.locator('.alarm-row').filter({ hasText: 'acme / shop' })
  await row.getByRole('link').click()
  await page.getByRole('button', { name: 'Acknowledge' }).click()
  await page.getByLabel('Comment (optional)').fill('looking into it')
  const acknowledge = page.getByRole('dialog').getByRole('button', { name: 'Acknowledge' }).last()
  const wasSeen = Promise.withResolvers<void>()
  await page.route('**/acknowledge', async (route) => {
    await wasSeen.promise
    await route.fulfill({ status: 503, json: { error: { code: 'busy', message: 'not now', hint: '' } } })
  })
  await acknowledge.click()
  await row.getByText('admin').waitFor()
  wasSeen.resolve()
  await page.getByRole('alert').getByText('not now').waitFor()
  await row.getByText('Nobody yet').waitFor()

  // Done again, with what was typed; the server knows by whom.
  await page.unroute('**/acknowledge')
  await acknowledge.click()
  await page.getByText('looking into it').waitFor()
  const [alarm] = await instance.call('listAlarms', { query: { system: 'shop', state: 'acknowledged' } })
  expect([alarm?.acknowledgedBy, complaints]).toEqual(['admin', []])
})

test('when the server is gone the page says so, and comes back by itself', async () => {
  await using instance = await TestInstance.start()
  await using browser = await openBrowser()
  const { page } = await signedInPage(browser, instance)
  await instance.kill()
  await page.getByText(/No live updates since/).waitFor()
  await instance.start()
  await page.getByText('Live', { exact: true }).waitFor()
  expect(await page.getByText(/No live updates since/).count()).toBe(0)
})
