import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { CountingTarget } from '../support/counting-target.ts'
import { setUpLink, TestInstance, until } from '../support/instance.ts'
import { openBrowser, openPage, signedInPage } from './browser.ts'

const password = 'never seen before'

/** Fetches a certificate where `page` stands, compares it with what its server says of itself, and trusts it. */
async function trust(page: Page, server: TestInstance): Promise<boolean> {
  const region = page.getByRole('region', { name: 'Trust a server’s certificate' })
  await region.getByRole('textbox').fill(server.url)
  await region.getByRole('button', { name: 'Fetch' }).click()
  await region.getByRole('button', { name: 'It is the same: trust it' }).waitFor()
  const shown = (await region.locator('.fingerprint-text span').allTextContents()).join(':')
  const own = (await server.call('listCertificates')).find(({ use }) => use === 'tls')
  await region.getByRole('button', { name: 'It is the same: trust it' }).click()
  await page
    .getByText(/is trusted now/)
    .first()
    .waitFor()
  return shown === own?.fingerprint
}

test(
  'somebody who has read nothing sets up, adds a target, gets and acknowledges an alarm, adds an agent and a group for it, makes a pair and runs a drill',
  { timeout: 600_000 },
  async () => {
    // Nobody answers at the address that is to be watched.
    await using target = await CountingTarget.start()
    await target.stop()
    await using server = await TestInstance.start({ env: { FARWATCH_ADMIN_PASSWORD: '' }, signIn: false })
    await using browser = await openBrowser()
    const { page, complaints } = await openPage(browser)
    const place = (name: RegExp) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name }).click()
    const steps = async () => {
      await page.getByRole('button', { name: /^Account/ }).click()
      await page.getByRole('menuitem', { name: 'First steps' }).click()
      await page.getByRole('heading', { level: 1, name: 'First steps' }).waitFor()
    }

    // The first administrator, by the link that works once.
    await page.goto(setUpLink(server))
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByLabel('Password again', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Create administrator' }).click()
    await page.getByRole('heading', { level: 1, name: 'First steps' }).waitFor()
    await server.signIn('admin', password)

    // A target: a group, a system in it, and the way in with a profile that comes along.
    await page.getByRole('link', { name: 'Configuration' }).last().click()
    const add = () => page.getByRole('button', { name: 'Add', exact: true }).click()
    const name = page.getByRole('textbox', { name: 'Name' })
    await page.getByRole('button', { name: 'Add a group' }).click()
    await name.fill('acme')
    await add()
    await page.getByRole('button', { name: 'Add a system' }).click()
    await name.fill('shop')
    await add()
    await page.getByRole('button', { name: 'Add a connector' }).click()
    await name.fill('front')
    await page.getByLabel('Type').selectOption('http')
    await page.getByLabel('URL').fill(`${target.url}/counter`)
    await page.getByLabel('web-default').check()
    await add()
    await page
      .getByText(/^Saved as revision/)
      .first()
      .waitFor()

    // Meanwhile an agent: its administrator trusts this server, and it is accepted here by its fingerprint and given the group.
    await using agent = await TestInstance.start({
      args: ['--role', 'agent', '--server', server.url, '--name', 'north-1'],
    })
    const { page: there } = await signedInPage(browser, agent, { path: '/' })
    const isSame = [await trust(there, server)]
    await there.getByText('Waiting to be accepted', { exact: true }).waitFor()
    await steps()
    await page.getByRole('link', { name: 'Agents' }).last().click()
    await page.getByRole('article', { name: 'north-1' }).getByRole('button', { name: 'Accept' }).click()
    await page.getByRole('row', { name: /Online north-1/ }).waitFor()
    await page.getByRole('tab', { name: 'Associations' }).click()
    await page.getByLabel('north-1 runs acme').check()
    await page.getByRole('button', { name: 'What would this change?' }).click()
    await page.getByRole('button', { name: 'Save associations' }).click()
    await page.getByText('Associations saved').waitFor()

    // The alarm comes by itself, and is acknowledged.
    await place(/^Alarms/)
    await until(
      'an alarm is raised',
      () => server.call('listAlarms', { query: { system: 'shop' } }),
      ({ length }) => length > 0,
      180_000,
    )
    const alarm = page.getByRole('row', { name: /acme \/ shop/ })
    await alarm.waitFor()
    await alarm.getByRole('link').click()
    await page.getByRole('button', { name: 'Acknowledge' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Acknowledge' }).last().click()
    // The page tells by whom before the server has answered.
    const [acknowledged] = await until(
      'the alarm is acknowledged',
      () => server.call('listAlarms', { query: { system: 'shop', state: 'acknowledged' } }),
      ({ length }) => length > 0,
    )
    await page.keyboard.press('Escape')

    // A second server: each trusts the other, as the agent does both; then they are made a pair.
    await using second = await TestInstance.start({ args: ['--role', 'server'] })
    const { page: other } = await signedInPage(browser, second, { path: '/instance?tab=certificates' })
    isSame.push(await trust(other, server))
    await there.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Instance' }).click()
    await there.getByRole('tab', { name: 'Certificates' }).click()
    isSame.push(await trust(there, second))
    await page.goto(`${server.url}/instance?tab=certificates`)
    isSame.push(await trust(page, second))
    await other.goto(`${second.url}/instance?tab=failover`)
    await other.getByLabel('Secondary').check()
    await other.getByLabel('Standby').check()
    await other.getByLabel('Address of the primary').fill(server.url)
    await other.getByRole('button', { name: 'Save' }).click()
    await other.getByText('Settings of the pair saved').waitFor()
    await page.goto(`${server.url}/instance?tab=failover`)
    await page.getByLabel('Primary').check()
    await page.getByLabel('Active', { exact: true }).check()
    await page.getByLabel('UUID of the secondary').fill(second.uuid)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Settings of the pair saved').waitFor()
    await until(
      'the second server has everything',
      () => server.call('showFailover'),
      ({ acts, peer, parts }) => acts && peer?.complete === true && parts.every(({ state }) => state === 'following'),
      180_000,
    )

    // The drill hands over and takes back; what it measured is listed.
    await page.getByRole('button', { name: 'Run a drill…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Run a drill' }).click()
    await page.locator('[aria-current=step]', { hasText: 'The other server acts for ten seconds' }).waitFor()
    await page.getByText('The drill has ended').waitFor({ timeout: 180_000 })
    const [drill] = await server.call('listDrills')
    await steps()
    await page.getByText('4 of 6 done').waitFor()
    expect([
      isSame,
      acknowledged?.acknowledgedBy,
      drill?.resultsLost,
      drill?.duplicates,
      drill?.there !== null && drill?.back !== null,
      complaints,
    ]).toEqual([[true, true, true, true], 'admin', 0, 0, true, []])
  },
)
