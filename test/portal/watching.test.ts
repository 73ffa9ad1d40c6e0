import { readFile } from 'node:fs/promises'
import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AnswerOf, Operations } from '../../src/contract/index.ts'
import { CountingTarget } from '../support/counting-target.ts'
import { TestInstance, until } from '../support/instance.ts'
import { expectAccessible } from './axe.ts'
import { openBrowser, openPage, signedInPage, signIn } from './browser.ts'

const document = (url: string) => ({
  profiles: [
    {
      name: 'web-basic',
      connector: 'http',
      monitors: [
        {
          monitor: 'http.response',
          period: '1s',
          settings: { extract: { counted_hits: '$.hits' } },
          rules: [
            { metric: 'duration', thresholds: { CRITICAL: '> 5s' } },
            { name: 'refused', metric: 'failed', thresholds: { MAJOR: '> 0' } },
          ],
        },
      ],
    },
  ],
  groups: ['acme', 'blue'].map((group) => ({
    name: group,
    systems: [
      {
        name: `${group}-shop`,
        type: 'web',
        tags: { env: group === 'acme' ? 'prod' : 'test' },
        connectors: [{ name: 'front', type: 'http', settings: { url }, profiles: ['web-basic'] }],
      },
    ],
  })),
})

let instance: TestInstance
let target: CountingTarget
let browser: Awaited<ReturnType<typeof openBrowser>>
let page: Page
let complaints: readonly string[]

beforeAll(async () => {
  instance = await TestInstance.start()
  target = await CountingTarget.start()
  await instance.call('applyConfiguration', { query: {}, body: document(`${target.url}/counter`) })
  browser = await openBrowser()
  ;({ page, complaints } = await signedInPage(browser, instance))
})

afterAll(async () => {
  await browser?.close()
  await target?.stop()
  await instance?.[Symbol.asyncDispose]()
})

const place = (name: string | RegExp) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name })
const search = () => new URL(page.url()).searchParams

/** Presses `g` and a letter as somebody does who knows the way: together, since the second counts for a good second only. */
async function goBy(letter: string): Promise<void> {
  await Promise.all([page.keyboard.press('g'), page.keyboard.press(letter)])
}

/** Drags the mouse across a chart, by shares of its width as it lies now. */
async function drag(chart: Locator, from: number, to: number): Promise<void> {
  const { x, y, width } = (await chart.boundingBox())!
  await page.mouse.move(x + width * from, y + 40)
  await page.mouse.down()
  await page.mouse.move(x + width * to, y + 40, { steps: 4 })
  await page.mouse.up()
}

test('the tree is narrowed by tag and opened down to the connector, and the address says so', async () => {
  await place('Systems').click()
  await page.getByRole('heading', { level: 1, name: 'Systems' }).waitFor()
  await page.getByLabel('Tags').selectOption('env=prod')
  await page.getByRole('link', { name: 'blue-shop' }).waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Unfold acme-shop' }).click()
  await page.getByRole('row', { name: /front.*http/ }).waitFor()
  await expectAccessible(page)
  expect([...search()]).toEqual([['tag', 'env=prod']])
})

test('a system shows how each slot ended, what its thresholds are, and every result; a zoom is in the address and undone by going back', async () => {
  const tasks = await until(
    'the shop was measured some times',
    () => instance.call('listTasks', { query: { system: 'acme-shop' } }),
    ([task]) => task?.lastOutcome === 'ran',
  )
  await page.getByRole('link', { name: 'acme-shop' }).click()
  const strip = page.getByRole('slider', { name: /Slots of/ })
  await strip.waitFor()
  await page.getByText('Critical > 5s').waitFor()

  // A value that came late is marked on the axis, and that is said in words. Nothing here is late: the server is made to say so.
  const outcomes = /\/tasks\/[^/]+\/outcomes/
  await page.route(outcomes, async (route) => {
    const answer = await route.fetch()
    const said = (await answer.json()) as AnswerOf<Operations['listOutcomes']>
    await route.fulfill({ response: answer, json: { ...said, late: said.stretches.slice(-1).map(({ to }) => to) } })
  })
  await page
    .getByRole('list', { name: /^Marks on the time axis of/ })
    .getByText('1 result came late')
    .waitFor()
  await page.unroute(outcomes)

  // The keyboard goes along the slots, and each says its time and how it ended.
  await strip.focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowRight')
  const told = await strip.getAttribute('aria-valuetext')

  const chart = page.locator('.chart .u-over').first()
  await drag(chart, 0.3, 0.7)
  await page.getByRole('button', { name: 'Reset zoom' }).waitFor()
  const zoomed = search().has('from') && search().has('to')
  await expectAccessible(page)
  await page.goBack()
  await page.getByRole('button', { name: 'Reset zoom' }).waitFor({ state: 'detached' })

  // With the shift key the time goes along with the mouse: as much of it is shown, and earlier.
  await page.keyboard.down('Shift')
  await drag(chart, 0.3, 0.8)
  await page.keyboard.up('Shift')
  await page.getByRole('button', { name: 'Reset zoom' }).waitFor()
  const [from, to] = ['from', 'to'].map((end) => Number(search().get(end)))
  // At least two minutes are shown, so that half of the width is at least one; but for a pixel or two.
  const [isEarlier, isAsMuch] = [to! < Date.now() - 55_000, to! - from! >= 120_000]
  await page.getByRole('button', { name: 'Reset zoom' }).click()

  // It is measured at once where somebody asks; what came of it is shown and counts for nothing.
  await page.getByRole('button', { name: 'Run now' }).first().click()
  await page.getByRole('dialog').getByText('status').first().waitFor()
  await expectAccessible(page, '[role=dialog]')
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })

  await page.getByRole('button', { name: 'Results', exact: true }).click()
  const list = page.getByRole('table', { name: /Results of/ })
  await list.getByRole('row').nth(2).waitFor()
  await list.getByRole('button').first().click()
  await page.getByRole('region', { name: 'The chosen result' }).getByText('status').first().waitFor()
  await expectAccessible(page)
  await page.keyboard.press('Escape')
  expect({ told, zoomed, isEarlier, isAsMuch, tasks: tasks.length, complaints }).toEqual({
    // A busy machine may have been too slow for that one, and then it says so.
    told: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d, (Ran|Late|Failed|Skipped), /),
    zoomed: true,
    isEarlier: true,
    isAsMuch: true,
    tasks: 1,
    complaints: [],
  })
})

test('many alarms are acknowledged at once; each says why it was raised and whom it goes to', async () => {
  await goBy('a')
  await page.getByRole('heading', { level: 1, name: 'Alarms' }).waitFor()
  await target.stop()
  await page.getByRole('row', { name: /acme \/ acme-shop/ }).waitFor()
  await page.getByRole('row', { name: /blue \/ blue-shop/ }).waitFor()
  await page.getByLabel('Group by').selectOption('rule')
  await page.getByRole('checkbox', { name: /Choose all of http.response: refused/ }).check()
  await expectAccessible(page)
  await page
    .getByRole('region', { name: /chosen alarms/ })
    .getByRole('button', { name: 'Acknowledge' })
    .click()
  await page.getByLabel('Comment (optional)').fill('both shops are down')
  await page.getByRole('dialog').getByRole('button', { name: 'Acknowledge' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  const alarms = await instance.call('listAlarms', { query: { state: 'acknowledged' } })

  await page
    .getByRole('row', { name: /acme \/ acme-shop/ })
    .getByRole('link')
    .click()
  const drawer = page.getByRole('dialog')
  await drawer.getByText('both shops are down').waitFor()
  await drawer.getByText('Raises with the first breach.').waitFor()
  await drawer.getByText('Nobody is told: no plugin sends alarms.').waitFor()
  await expectAccessible(page, '[role=dialog]')

  // It becomes somebody's, and is cleared by hand; the history has all of it.
  await drawer.getByRole('button', { name: 'Assign', exact: true }).click()
  await drawer.getByRole('button', { name: 'Assign to me' }).click()
  await drawer.getByText('Assigned to').waitFor()
  await drawer.getByRole('button', { name: 'Comment', exact: true }).click()
  await drawer.getByRole('textbox', { name: 'Comment' }).fill('the provider is told')
  await drawer.getByRole('button', { name: 'Comment', exact: true }).last().click()
  await drawer.getByText('the provider is told').waitFor()
  await drawer.getByRole('button', { name: 'Clear', exact: true }).click()
  await drawer.getByRole('button', { name: 'Clear', exact: true }).last().click()
  const { id } = alarms.find(({ group }) => group === 'acme')!
  const { history } = await until(
    'it is cleared',
    () => instance.call('showAlarm', { params: { id } }),
    ({ state }) => state === 'cleared',
  )
  await page.keyboard.press('Escape')
  await drawer.waitFor({ state: 'detached' })
  expect(history.map(({ by, text }) => `${by ?? ''}: ${text}`).filter((line) => line.startsWith('admin'))).toEqual([
    'admin: both shops are down',
    expect.stringMatching(/^admin: /),
    'admin: the provider is told',
    expect.stringMatching(/^admin: /),
  ])
  expect(new Map(alarms.map((alarm) => [alarm.group, alarm.acknowledgedBy]))).toEqual(
    new Map([
      ['acme', 'admin'],
      ['blue', 'admin'],
    ]),
  )
})

test('moments are told in the zone of whoever looks', async () => {
  const timeZone = 'Asia/Kathmandu'
  const { page: there } = await openPage(browser, timeZone)
  const [alarm] = await instance.call('listAlarms', { query: {} })
  await signIn(there, instance, { path: `/alarms/${alarm!.id}?state=all` })
  const told = there.getByRole('dialog').locator('time').last()
  // Both at once: the last moment is another one as soon as something happens.
  const [at, text] = await told.evaluate((time) => [time.getAttribute('datetime'), time.textContent])
  await there.context().close()
  expect(text).toBe(new Date(at!).toLocaleString('sv', { timeZone }))
})

test('the overview says what was wrong over time, and becomes a board for the wall', async () => {
  await goBy('o')
  await page.getByRole('img', { name: /Open alarms over time; now .*Major/ }).waitFor()
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Wall board' }).click()
  await page.getByRole('list', { name: 'Group' }).getByText('acme').waitFor()
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Leave' }).click()
  await place('Overview').waitFor()
  expect([...search()]).toEqual([])
})

test('the palette finds a system and goes there', async () => {
  // Where a page has a filter the slash goes there; where it has none it opens the palette.
  await goBy('s')
  await page.getByRole('heading', { level: 1, name: 'Systems' }).waitFor()
  await page.keyboard.press('/')
  const isInFilter = await page
    .locator('input[data-filter]')
    .evaluate((input) => input.ownerDocument.activeElement === input)
  expect(isInFilter).toBe(true)
  await page.keyboard.press('Escape')
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: 'Go to or do' }).fill('blue')
  await page.getByRole('option', { name: /blue-shop/ }).waitFor()
  await expectAccessible(page, '[role=dialog]')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'blue-shop' }).waitFor()
  // A part of a page as well.
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: 'Go to or do' }).fill('audit')
  await page.keyboard.press('Enter')
  await page.getByRole('tab', { name: 'Audit log', selected: true }).waitFor()
  expect(complaints).toEqual([])
})

test('series are chosen by name and group, compared, saved as a file, shared by the address, and pinned to a dashboard', async () => {
  await place('Metrics').click()
  // Names are offered that no monitor declares, as soon as there are values.
  await page.getByRole('combobox', { name: 'Metric' }).fill('hits')
  await page.getByRole('option', { name: 'counted_hits' }).waitFor()
  await page.getByRole('combobox', { name: 'Metric' }).fill('duration')
  await page.getByLabel('Group', { exact: true }).selectOption('acme')
  await page.getByRole('img', { name: /^duration\{group="acme"\}: / }).waitFor()
  await page.getByRole('switch', { name: 'Compare to a week before' }).check()
  await page.waitForURL(/compare=1/)
  await expectAccessible(page)
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV' }).click()])
  const saved = (await readFile(await file.path(), 'utf8')).split('\r\n')
  const [picture] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'PNG' }).first().click(),
  ])
  const isPicture = (await readFile(await picture.path())).subarray(1, 4).toString() === 'PNG'

  const other = await page.context().newPage()
  await other.goto(page.url())
  await other.getByRole('img', { name: /^duration\{group="acme"\}: / }).waitFor()
  const shared = await other.getByLabel('Group', { exact: true }).inputValue()
  await other.close()

  await page.getByRole('button', { name: 'Pin to a dashboard' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name of the dashboard').fill('shops')
  await dialog.getByLabel('Title of the panel').fill('Answer times')
  await expectAccessible(page, '[role=dialog]')
  await dialog.getByRole('button', { name: 'Pin to a dashboard' }).click()
  await dialog.waitFor({ state: 'detached' })
  const { dashboards } = (await instance.call('showConfiguration')) as { dashboards: unknown }
  expect({ head: saved[0], isMeasured: saved.length > 2, isPicture, shared, dashboards }).toEqual({
    head: expect.stringMatching(/^time,.*\(ms\)/),
    isMeasured: true,
    isPicture: true,
    shared: 'acme',
    dashboards: [
      { name: 'shops', panels: [{ title: 'Answer times', kind: 'chart', series: ['duration{group="acme"}'] }] },
    ],
  })
})

test('a dashboard is arranged, shows what is chosen above it, and is removed again', async () => {
  await place('Dashboards').click()
  await page.getByRole('link', { name: 'shops' }).click()
  await page.getByRole('region', { name: 'Answer times' }).getByRole('img').waitFor()
  await page.getByRole('button', { name: 'Edit' }).click()
  await page.getByRole('checkbox', { name: 'Group' }).check()
  await page.getByRole('button', { name: 'Add a panel' }).click()
  const panel = page.getByRole('group', { name: 'Panel 2' })
  await panel.getByLabel('Title').fill('Now')
  await panel.getByLabel('Shown as').selectOption('table')
  await panel.getByLabel('Selections, one a line').fill('duration{group="$group"}')
  await panel.getByRole('button', { name: /Move before/ }).click()
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('region', { name: 'Now' }).first().waitFor()
  await page.getByLabel('Group', { exact: true }).selectOption('blue')
  await page
    .getByRole('region', { name: 'Now' })
    .getByRole('cell', { name: /blue-shop/ })
    .first()
    .waitFor()
  await expectAccessible(page)
  const [stored] = await instance.call('listDashboards')

  await page.getByRole('button', { name: 'Edit' }).click()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click()
  await page.getByText('There is no dashboard yet').waitFor()
  await expectAccessible(page)
  expect({
    panels: stored?.panels.map(({ title, kind }) => `${title}: ${kind}`),
    variables: stored?.variables,
    after: await instance.call('listDashboards'),
    complaints,
  }).toEqual({ panels: ['Now: table', 'Answer times: chart'], variables: ['group'], after: [], complaints: [] })
})
