import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { ConfigurationDocument } from '../../src/contract/index.ts'
import { CountingTarget } from '../support/counting-target.ts'
import { TestInstance, until } from '../support/instance.ts'
import { expectAccessible } from './axe.ts'
import { openBrowser, signedInPage } from './browser.ts'

// Each story is dozens of pages, which a busy machine draws slowly.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

/** One instance for all stories of this file: each goes on from where the one before it ended, as an administrator's day does. */
let instance: TestInstance
let target: CountingTarget
let browser: Browser
let page: Page
let complaints: readonly string[]

beforeAll(async () => {
  instance = await TestInstance.start()
  target = await CountingTarget.start()
  browser = await openBrowser()
  ;({ page, complaints } = await signedInPage(browser, instance))
})

afterAll(async () => {
  await browser?.close()
  await target?.stop()
  await instance?.[Symbol.asyncDispose]()
})

const button = (name: string, within: Page | Locator = page) => within.getByRole('button', { name, exact: true })
/** One with suggestions is a combobox. */
const field = (name: string, within: Page | Locator = page) =>
  within.getByRole('textbox', { name }).or(within.getByRole('combobox', { name }))
const choice = (name: string, within: Page | Locator = page) =>
  within.getByRole('combobox', { name: new RegExp(`^${name}`) })
const box = (name: string, within: Page | Locator = page) =>
  within.getByRole('checkbox', { name: new RegExp(`^${name}`) })
const dialog = () => page.getByRole('dialog')
const tree = () => page.getByRole('list', { name: 'Groups and systems' })

async function open(path: string): Promise<void> {
  await page.goto(instance.url + path)
}

async function document(): Promise<ConfigurationDocument> {
  // To the API it is any JSON.
  return (await instance.call('showConfiguration')) as ConfigurationDocument
}

async function groupNamed(name: string) {
  return (await document()).groups?.find((one) => one.name === name)
}

/** Saves the form, and waits until it is told as which revision. */
async function save(act: 'Add' | 'Save'): Promise<number> {
  const before = await newest()
  await button(act, page.locator('.save-line')).click()
  await page
    .getByText(`Saved as revision ${before + 1}`)
    .first()
    .waitFor()
  return before + 1
}

async function newest(): Promise<number> {
  const [revision] = await instance.call('listRevisions', { query: { limit: 1 } })
  return revision?.revision ?? 0
}

test('a group, a credential, a system and a connector are made by clicking, tried before they are saved, and monitored', async () => {
  await open('/configuration')
  await button('Add a group').click()
  await button('Add', page.locator('.save-line')).isDisabled()
  await field('Name').fill('acme')
  await field('Description').fill('The shop')
  await page.getByLabel(/^It stops/).check()
  await save('Add')

  await button('Add a credential').click()
  await field('Name').fill('shop-login')
  await choice('Type').selectOption({ label: 'User name and password' })
  await field('User name').fill('monitor')
  await field('Password').fill('hunter2')
  await save('Add')
  // What is saved is never shown again, not even to the one who typed it.
  await page.getByText('A secret is stored. It is never shown.').waitFor()

  await tree().getByRole('link', { name: 'acme' }).click()
  await button('Add a system').click()
  await field('Name').fill('shop')
  await field('Type').fill('web')
  await button('Add an entry').click()
  await field('Tag 1').fill('env')
  await field('Value 1').fill('prod')
  await save('Add')

  await button('Add a connector').click()
  await field('Name').fill('front')
  await choice('Type').selectOption({ label: 'HTTP' })
  await field('URL').fill('ftp://shop')
  await button('Add', page.locator('.save-line')).click()
  // The field says what the API says of it.
  await page.getByText('"ftp://shop" must begin with http:// or https://').waitFor()
  const wasRefused = (await groupNamed('acme'))?.systems?.[0]?.connectors
  await field('URL').fill(`${target.url}/counter`)
  await choice('Credential').selectOption('shop-login')
  await box('web-default').check()
  await save('Add')
  await expectAccessible(page)

  await button('Test…').click()
  await button('Run once', dialog()).click()
  await dialog().getByText('Ran', { exact: true }).waitFor()
  const tried = await dialog()
    .getByRole('row', { name: /^status/ })
    .innerText()
  await expectAccessible(page, '[role=dialog]')
  await page.keyboard.press('Escape')
  const tasks = await until(
    'the shop is monitored',
    () => instance.call('listTasks', { query: { system: 'shop' } }),
    (all) => all.some(({ lastOutcome }) => lastOutcome === 'ran'),
  )
  const [tested] = (await instance.call('listAudit', { query: { limit: 100 } })).filter(
    ({ action }) => action === 'connector tested',
  )
  expect([
    wasRefused,
    await groupNamed('acme'),
    tried.split(/\s+/).slice(0, 2),
    [...new Set(target.authorizations)],
    tasks.map(({ connector, profile }) => `${connector} ${profile}`),
    [tested?.who, JSON.stringify(tested).includes('hunter2')],
  ]).toEqual([
    [],
    {
      name: 'acme',
      description: 'The shop',
      whenCutOff: 'exclusive',
      credentials: [{ name: 'shop-login', type: 'basic', username: 'monitor', secret: { keep: true } }],
      systems: [
        {
          name: 'shop',
          type: 'web',
          tags: { env: 'prod' },
          connectors: [
            {
              name: 'front',
              type: 'http',
              settings: { url: `${target.url}/counter` },
              credential: 'shop-login',
              profiles: ['web-default'],
            },
          ],
        },
      ],
    },
    ['status', '200'],
    [`Basic ${Buffer.from('monitor:hunter2').toString('base64')}`],
    ['front web-default'],
    ['admin', false],
  ])
})

test('a profile gets a monitor with a table of its own, which is tried on the target before it is saved', async () => {
  await open('/configuration?tab=profiles')
  await button('Add a profile').click()
  await field('Name').fill('orders')
  await choice('Type').selectOption({ label: 'HTTP' })
  await save('Add')
  await expectAccessible(page)
  await button('Add a monitor').click()
  await choice('Monitor').selectOption('http.response')
  await field('Period').fill('1 hour and a bit')
  await page.getByText(/more settings/).click()
  const extract = page.getByRole('group', { name: 'Numbers out of a JSON body' })
  await button('Add an entry', extract).click()
  await field('Name 1', extract).fill('orders')
  await field('Value 1', extract).fill('$.hits')
  await button('Load').click()
  await page.getByText(/values measured/).waitFor()

  await button('Change the table').click()
  await button('Remove the row certificate ends').click()
  await button('Add a row').click()
  const row = page.getByRole('group', { name: /^Row 4:/ })
  await field('Metric', row).fill('orders')
  await field('Name of the row', row).fill('many orders')
  await field('Critical', row).fill('more than 0')
  await button('Add', page.locator('.save-line')).click()
  await page.getByText('"1 hour and a bit"', { exact: false }).first().waitFor()
  const wrong = await row
    .getByText(/is not a threshold|threshold/)
    .first()
    .innerText()
  await field('Period').fill('2s')
  await field('Critical', row).fill('> 0')
  await row.getByText('takes 1 value:').waitFor()
  await expectAccessible(page)
  await save('Add')
  // Against the monitor's own table: what was added, and what was left out.
  await page.getByText('Left out of the monitor’s own table').waitFor()

  await open('/configuration?group=acme&system=shop&connector=front')
  await box('orders').check()
  await choice('Only this agent runs it').selectOption('local')
  await save('Save')
  // On a busy machine the target may be too slow at times, which is an alarm of another row.
  const [alarm] = await until(
    'the row raises its alarm',
    async () =>
      (await instance.call('listAlarms', { query: { state: 'open', system: 'shop' } })).filter(
        ({ metric }) => metric === 'orders',
      ),
    (alarms) => alarms.length > 0,
  )
  const monitor = (await document()).profiles?.find(({ name }) => name === 'orders')?.monitors?.[0]
  expect([
    wrong.includes('more than 0'),
    monitor?.period,
    monitor?.settings,
    monitor?.rules?.map(({ name, metric, thresholds }) => [name, metric, thresholds]),
    [alarm?.rule, alarm?.metric, alarm?.severity],
    (await groupNamed('acme'))?.systems?.[0]?.connectors?.[0]?.pin,
  ]).toEqual([
    true,
    '2s',
    { extract: { orders: '$.hits' } },
    [
      ['no answer', 'failed', { CRITICAL: '> 0' }],
      ['error status', 'status', { WARNING: '>= 400', CRITICAL: '>= 500' }],
      ['slow', 'duration', { WARNING: '> 2s', CRITICAL: '> 5s' }],
      ['many orders', 'orders', { CRITICAL: '> 0' }],
    ],
    ['many orders', 'orders', 'CRITICAL'],
    'local',
  ])
})

test('the library is searched by metric, and says what a monitor measures and who uses it', async () => {
  await open('/configuration?tab=library')
  await page.getByLabel('Search monitors and metrics').fill('certificate days')
  // Once the list is narrowed: a click on one that moves while it shrinks is nobody's.
  await page.getByRole('link', { name: 'TCP port' }).waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'TLS certificate' }).waitFor()
  await page.getByRole('link', { name: 'HTTP response' }).click()
  await page.getByRole('heading', { level: 2, name: 'HTTP response' }).waitFor()
  await expectAccessible(page)
  expect([
    await page.getByRole('row', { name: /^duration/ }).innerText(),
    await page.getByRole('link', { name: 'orders / http.response' }).count(),
  ]).toEqual([expect.stringContaining('ms'), 1])
})

test('what a monitor can be told is chosen from what the target has', async () => {
  await open('/configuration?tab=profiles&profile=host-local&monitor=host.local')
  await button('Ask what there is to choose').click()
  await page.getByText(/^Choose from what was found: .*Network interfaces left out/).waitFor()
  const interfaces = page.getByRole('combobox', { name: 'Add to Network interfaces left out from the target' })
  const [first] = await interfaces
    .getByRole('option')
    .allTextContents()
    .then((all) => all.slice(1))
  await interfaces.selectOption(first!)
  await expectAccessible(page)
  await save('Save')
  const monitor = (await document()).profiles?.find(({ name }) => name === 'host-local')?.monitors?.[0]
  const chosen = monitor?.settings?.['excludeInterfaces']
  expect([first !== undefined, Array.isArray(chosen) && chosen.at(-1) === first]).toEqual([true, true])
})

test('another name and another place are given in one revision, and what was typed is not lost by leaving', async () => {
  await open('/configuration?group=acme&system=shop')
  await field('Name').fill('store')
  await field('Description').fill('Sells things')
  page.once('dialog', (asked) => void asked.dismiss())
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Alarms' }).click()
  // It asked, and stayed.
  await page.getByText('it begins a new history', { exact: false }).waitFor()
  const renamed = await save('Save')

  await instance.call('editConfiguration', {
    query: {},
    body: { base: renamed, edits: [{ is: 'add', at: { group: 'initech' }, value: { whenCutOff: 'available' } }] },
  })
  await tree().getByRole('link', { name: 'initech' }).waitFor()
  await button('Move…').click()
  await dialog().getByLabel('To the group').selectOption('initech')
  // A credential stays in its group, so that what uses it cannot leave.
  await dialog()
    .getByText(/can only use those of its own group/)
    .first()
    .waitFor()
  await expectAccessible(page, '[role=dialog]')
  await button('Cancel', dialog()).click()
  const { changes } = await instance.call('compareRevisions', { query: { from: renamed - 1, to: renamed } })
  expect([
    changes.map(({ action, path }) => `${action} ${path}`),
    (await groupNamed('acme'))?.systems?.map(({ name, description }) => [name, description]),
  ]).toEqual([
    [
      'remove groups["acme"].systems["shop"]',
      'remove groups["acme"].systems["shop"].connectors["front"]',
      'add groups["acme"].systems["store"]',
      'add groups["acme"].systems["store"].connectors["front"]',
    ],
    [['store', 'Sells things']],
  ])
})

test('of two who change the same system the second is told, and loses nothing', async () => {
  await open('/configuration?group=acme&system=store')
  await field('Description').fill('Mine')
  await instance.call('editConfiguration', {
    query: {},
    body: {
      base: await newest(),
      edits: [{ is: 'change', at: { group: 'acme', system: 'store' }, value: { description: 'Theirs' } }],
    },
  })
  await page.getByText('This was changed by somebody else meanwhile', { exact: false }).waitFor()
  await button('Save', page.locator('.save-line')).click()
  await page
    .getByText(/was changed by admin in revision/)
    .first()
    .waitFor()
  const typed = await field('Description').inputValue()
  await expectAccessible(page)
  await button('Drop my changes, show theirs').click()
  await until(
    'their words are shown',
    () => field('Description').inputValue(),
    (text) => text === 'Theirs',
  )
  await field('Description').fill('Ours')
  await save('Save')
  expect([typed, (await groupNamed('acme'))?.systems?.[0]?.description]).toEqual(['Mine', 'Ours'])
})

test('what goes with a system is shown before it goes, and it comes back by undoing', async () => {
  const before = await groupNamed('acme')
  await open('/configuration?group=acme&system=store')
  await button('Remove…').click()
  await dialog().getByText('groups["acme"].systems["store"].connectors["front"]').waitFor()
  await expectAccessible(page, '[role=dialog]')
  await button('Remove it, 1 with it', dialog()).click()
  await page.getByRole('heading', { level: 2, name: 'acme' }).waitFor()
  const without = (await groupNamed('acme'))?.systems
  const removed = await newest()

  await page.getByRole('tab', { name: 'Revisions' }).click()
  await page.getByRole('link', { name: `Revision ${removed}`, exact: true }).click()
  await page.getByText('0 added, 0 changed, 2 removed').waitFor()
  await expectAccessible(page)
  await button('Undo…').click()
  await dialog().getByText('2 to add, 0 to change, 0 to remove').waitFor()
  await expectAccessible(page, '[role=dialog]')
  await button('Undo it', dialog()).click()
  await page.getByRole('heading', { level: 2, name: `Revision ${removed + 1}` }).waitFor()
  const after = await groupNamed('acme')
  // Between the two together nothing differs.
  await page.getByLabel('Changes after').selectOption(String(removed - 1))
  await page.getByText('Nothing differs between the two.').waitFor()
  // What was changed since cannot be taken back, and that is said.
  await open(`/configuration?tab=revisions&from=${removed - 2}&to=${removed - 1}`)
  const earlier = await instance.call('editConfiguration', {
    query: {},
    body: {
      base: removed + 1,
      edits: [{ is: 'change', at: { group: 'acme', system: 'store' }, value: { description: 'Later' } }],
    },
  })
  await button('Undo…').click()
  await dialog().getByText('It cannot be undone: this was changed since').waitFor()
  const isPossible = await button('Undo it', dialog()).isEnabled()
  await button('Cancel', dialog()).click()
  expect([without, after, earlier.revision, isPossible]).toEqual([[], before, removed + 2, false])
})

test('many systems get a profile and a tag at once, after the difference was seen', async () => {
  await instance.call('applyConfiguration', {
    query: {},
    body: {
      profiles: [{ name: 'port', connector: 'tcp', monitors: [{ monitor: 'tcp.port' }] }],
      groups: [
        {
          name: 'initech',
          systems: ['a', 'b'].map((name) => ({
            name,
            connectors: [{ name: 'tcp', type: 'tcp', settings: { host: '127.0.0.1', port: 9 } }],
          })),
        },
      ],
    },
  })
  await open('/configuration?text=initech')
  await tree().getByRole('link', { name: 'initech' }).waitFor()
  await page.getByLabel('Mark a', { exact: true }).check()
  await page.getByLabel('Mark b', { exact: true }).check()
  await button('Profiles and tags…').click()
  await dialog()
    .getByRole('group', { name: 'Give these profiles' })
    .getByRole('checkbox', { name: 'port', exact: true })
    .check()
  await button('Add an entry', dialog()).click()
  await field('Tag 1', dialog()).fill('env')
  await field('Value 1', dialog()).fill('test')
  await button('Show what would change', dialog()).click()
  await dialog().getByText('0 to add, 4 to change, 0 to remove').waitFor()
  await expectAccessible(page, '[role=dialog]')
  await button('Apply 4 changes', dialog()).click()
  await dialog().waitFor({ state: 'hidden' })
  expect(
    (await groupNamed('initech'))?.systems?.map(({ tags, connectors }) => [tags, connectors?.[0]?.profiles]),
  ).toEqual([
    [{ env: 'test' }, ['port']],
    [{ env: 'test' }, ['port']],
  ])
})

test('a document is exported and imported with the difference before it is applied', async () => {
  await open('/configuration?tab=document')
  await button('Edit and apply').waitFor()
  await expectAccessible(page)
  await page.getByRole('tab', { name: 'Import' }).click()
  const text = page.getByLabel('Configuration document (YAML or JSON)')
  await text.fill('groups:\n  - name: acme\n    systms: []\n')
  await button('Show the difference').click()
  await page.getByText('groups[0].systms').first().waitFor()
  await text.fill('groups:\n  - name: hooli\n')
  await button('Show the difference').click()
  await page.getByText('1 to add, 0 to change, 0 to remove').waitFor()
  await expectAccessible(page)
  await button('Apply 1 change').click()
  await page.getByText('Applied as revision', { exact: false }).first().waitFor()
  expect([await groupNamed('hooli'), complaints]).toEqual([{ name: 'hooli', whenCutOff: 'available', systems: [] }, []])
})

test('a group gets another name, and those who may do something in it follow', async () => {
  const password = 'a long enough password'
  await instance.call('createUser', {
    body: { username: 'gus', password, grants: [{ group: 'hooli', role: 'operator' }] },
  })
  await open('/configuration?group=hooli')
  await field('Name').fill('pied')
  await page.getByText('What users and tokens may do in it follows the new name.', { exact: false }).waitFor()
  await save('Save')
  const [gus] = (await instance.call('listUsers')).filter(({ username }) => username === 'gus')
  expect([gus?.grants, await groupNamed('hooli')]).toEqual([[{ group: 'pied', role: 'operator' }], undefined])
})

test('commands of one’s own are allowed for a group by an administrator of all groups, and by nobody else', async () => {
  const password = 'a long enough password'
  await instance.call('createUser', {
    body: { username: 'edda', password, grants: [{ group: 'acme', role: 'editor' }] },
  })
  const { page: hers } = await signedInPage(browser, instance, { username: 'edda', password })
  const own = (within: Page) => within.getByRole('switch', { name: 'Commands of one’s own' })
  await hers.goto(`${instance.url}/configuration?group=acme`)
  await field('Description', hers).fill('She may change that')
  const isHersToAllow = await own(hers).isEnabled()
  await hers.context().close()
  const states: unknown[] = []
  await open('/configuration?group=acme')
  for (const isAllowed of [true, false]) {
    await own(page).setChecked(isAllowed)
    await save('Save')
    states.push((await groupNamed('acme'))?.ownCommands)
  }
  expect([isHersToAllow, states, complaints]).toEqual([false, ['allowed', undefined], []])
})

test('somebody who may only look sees everything and is offered nothing', async () => {
  await instance.call('createUser', {
    body: { username: 'vera', password: 'a long enough password', grants: [{ group: '*', role: 'viewer' }] },
  })
  const { page: other } = await signedInPage(browser, instance, {
    username: 'vera',
    password: 'a long enough password',
  })
  await other.goto(`${instance.url}/configuration?group=acme&system=store`)
  await other.getByText('Your account may look at this but not change it.').waitFor()
  const offered = await other.getByRole('button', { name: /^(Save|Remove…|Move…|Add a connector)$/ }).count()
  await expectAccessible(other)
  await other.context().close()
  expect(offered).toBe(0)
})
