import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { CountingTarget } from '../support/counting-target.ts'
import { TestInstance, until } from '../support/instance.ts'
import { expectAccessible } from './axe.ts'
import { openBrowser, signedInPage } from './browser.ts'

const watched = (url: string) => ({
  profiles: [{ name: 'web-basic', connector: 'http', monitors: [{ monitor: 'http.response', period: '2s' }] }],
  groups: [
    {
      name: 'acme',
      systems: [
        { name: 'shop', connectors: [{ name: 'front', type: 'http', settings: { url }, profiles: ['web-basic'] }] },
      ],
    },
  ],
})

const places = (page: Page) => page.getByRole('navigation', { name: 'Main' }).getByRole('link')

test(
  'an agent is trusted, accepted, given a group and seen at work, all in the browser',
  { timeout: 240_000 },
  async () => {
    await using server = await TestInstance.start({ args: ['--role', 'server'] })
    await using agent = await TestInstance.start({
      args: ['--role', 'agent', '--server', server.url, '--name', 'north-1'],
    })
    await using target = await CountingTarget.start()
    await using browser = await openBrowser()
    await server.call('applyConfiguration', { query: {}, body: watched(`${target.url}/counter`) })

    // The agent shows itself and its line, and nothing of a server; it says why the line does not stand.
    const { page: there, complaints: thereComplaints } = await signedInPage(browser, agent)
    await there.getByRole('heading', { level: 1, name: 'north-1' }).waitFor()
    await there.getByText('Not connected', { exact: true }).waitFor()
    expect(await places(there).allTextContents()).toEqual(['This agent', 'Instance'])

    // Its administrator compares the certificate of the server and trusts it.
    const [own] = await server.call('listCertificates')
    await there.getByRole('button', { name: 'Fetch' }).click()
    await there
      .getByRole('region', { name: 'Trust a server’s certificate' })
      .getByRole('button', { name: 'It is the same: trust it' })
      .waitFor()
    expect(await fingerprintIn(there, 'Trust a server’s certificate')).toBe(own?.fingerprint)
    await there.getByRole('button', { name: 'It is the same: trust it' }).click()
    await there.getByText('Waiting to be accepted', { exact: true }).waitFor()

    // The server shows it with the same fingerprint; the group is told to be watched by nobody, with the reason.
    const { page: here, complaints: hereComplaints } = await signedInPage(browser, server)
    await here.getByText(/^Uncovered: acme /).waitFor()
    await places(here)
      .filter({ hasText: /^Agents/ })
      .click()
    const card = here.getByRole('article', { name: 'north-1' })
    await card.waitFor()
    expect(joined(await card.locator('.fingerprint-text span').allTextContents())).toBe(
      await fingerprintIn(there, 'Connection to the server'),
    )
    await card.getByRole('button', { name: 'Accept' }).click()
    await here.getByRole('row', { name: /Online north-1/ }).waitFor()
    await there.getByText('Connected', { exact: true }).waitFor()

    // Nothing is saved before it was seen what it would change.
    await here.getByRole('tab', { name: 'Associations' }).click()
    await here.getByLabel('north-1 runs acme').check()
    await here.getByRole('button', { name: 'What would this change?' }).click()
    await here.getByText('Would be monitored from then on').waitFor()
    const before = await server.call('listAssociations')
    await here.getByRole('button', { name: 'Save associations' }).click()
    await here.getByText('Associations saved').waitFor()
    expect([before, await server.call('listAssociations')]).toEqual([
      { associations: [] },
      { associations: [{ group: 'acme', agents: ['north-1'] }] },
    ])

    // The system says who runs it and why.
    await until(
      'the shop is measured',
      () => server.call('listTasks', { query: { system: 'shop' } }),
      (tasks) => tasks[0]?.lastOutcome === 'ran',
    )
    await places(here)
      .filter({ hasText: /^Overview/ })
      .click()
    // One agent alone is no spare.
    await here.getByText('The group "acme" has no spare agent: it would be uncovered without north-1').waitFor()
    await here.getByRole('link', { name: 'shop', exact: true }).click()
    await here.getByText('Why here').click()
    await here.getByText(/it had the least load/).waitFor()
    await here.getByText(/^Uncovered: /).waitFor({ state: 'detached' })
    expect([
      await here.getByText(/^Uncovered: /).count(),
      await here.getByRole('list', { name: 'Connectors' }).getByRole('link').allTextContents(),
    ]).toEqual([0, ['north-1']])

    // The list says how it is; another one is added with a command to be pasted, which a token makes complete.
    await places(here)
      .filter({ hasText: /^Agents/ })
      .click()
    const row = here.getByRole('row', { name: /Online north-1/ })
    await row.getByText('CPU').waitFor()
    const columns = await here.getByRole('columnheader').allTextContents()
    const { version } = await server.call('showAgent', { params: { id: agent.uuid } })
    const told = await row.innerText()
    await expectAccessible(here)
    await here.getByRole('button', { name: 'Add an agent' }).click()
    const dialog = here.getByRole('dialog')
    await dialog.getByLabel('Note').fill('rack 4')
    await dialog.getByRole('button', { name: 'Make an enrolment token' }).click()
    await dialog.getByText(/, rack 4/).waitFor()
    const command = await dialog.getByText(/FARWATCH_ENROLMENT_TOKEN=\S+ .*farwatch start --role agent/).count()
    await expectAccessible(here, '[role=dialog]')
    await here.keyboard.press('Escape')
    expect([columns, ['acme', version, 'Memory', 'Disk free'].filter((word) => !told.includes(word)), command]).toEqual(
      [['State', 'Agent', 'Load', 'Machine', 'Spool', 'Clock', 'Last call', 'Actions'], [], 1],
    )

    // A drain says what stays and why, and is taken back.
    await here.getByRole('link', { name: 'north-1', exact: true }).click()
    await here.getByRole('heading', { level: 2, name: 'Statistics' }).waitFor()
    await here.getByText('acme / shop').waitFor()
    await expectAccessible(here)
    const act = async (name: string) => {
      await here.getByRole('button', { name: 'Actions for north-1' }).click()
      await here.getByRole('menuitem', { name }).click()
    }
    const [log] = await Promise.all([here.waitForEvent('download'), act('Download its log')])
    expect(await readFile(await log.path(), 'utf8')).toContain('"event":')
    await act('Drain…')
    await dialog.getByRole('button', { name: 'Drain' }).click()
    await dialog.getByText('What could move has moved; something stays').waitFor()
    const stays = await dialog.getByRole('list').innerText()
    await expectAccessible(here, '[role=dialog]')
    await dialog.getByRole('button', { name: 'Take back the drain' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect([
      stays.startsWith('acme / shop / front'),
      (await server.call('showAgent', { params: { id: agent.uuid } })).drain,
    ]).toEqual([true, 'none'])

    expect([...hereComplaints, ...thereComplaints]).toEqual([])
  },
)

test('an instance that is made an agent hides what is of the server, and has it back when it is a server again', async () => {
  await using instance = await TestInstance.start()
  await using browser = await openBrowser()
  await instance.call('applyConfiguration', { query: {}, body: watched('https://127.0.0.1:9') })
  const { page, complaints } = await signedInPage(browser, instance)
  const { page: other } = await signedInPage(browser, instance)
  await other.goto(`${instance.url}/configuration`)
  await other.getByRole('heading', { level: 1, name: 'Configuration' }).waitFor()

  await page.goto(`${instance.url}/instance?tab=role`)
  await page.getByLabel('Agent', { exact: true }).check()
  const change = page.getByRole('button', { name: 'Change the role' })
  await change.click()
  await page.getByText('An agent needs the address of a server.').waitFor()
  await page.getByLabel('Servers').fill('https://127.0.0.1:9')
  await change.click()
  await page.getByText(/The pages of the server are hidden here/).waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Change the role' }).click()
  await places(page).filter({ hasText: 'This agent' }).waitFor()

  // Also where somebody else was looking at the configuration, and without a reload.
  await other.getByText('Connection to the server').waitFor()
  expect([await places(page).allTextContents(), await places(other).allTextContents()]).toEqual([
    ['This agent', 'Instance'],
    ['This agent', 'Instance'],
  ])

  await page.getByLabel('Standalone').check()
  await change.click()
  await page.getByRole('dialog').getByRole('button', { name: 'Change the role' }).click()
  await places(page).filter({ hasText: 'Overview' }).click()
  await page.getByRole('link', { name: 'shop', exact: true }).waitFor()
  await other.getByRole('heading', { level: 1, name: 'Configuration' }).waitFor()
  expect(complaints).toEqual([])
})

/** The fingerprint that a region of a page shows, in one line as the API says it. */
async function fingerprintIn(page: Page, region: string): Promise<string> {
  return joined(await page.getByRole('region', { name: region }).locator('.fingerprint-text span').allTextContents())
}

function joined(lines: readonly string[]): string {
  return lines.join(':')
}
