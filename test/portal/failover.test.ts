import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { accessHandlers, failoverHandlers } from '../../src/api/index.ts'
import { adminToken, fakePair, pairUrl, standsBy, startTestApi, type TestApi } from '../../src/api/testing.ts'
import { openBrowser, openPage, type OpenedPage } from './browser.ts'

let api: TestApi
let asked: unknown[]
let browser: Browser

beforeEach(async () => {
  browser = await openBrowser()
  api = await startTestApi({ portal: fileURLToPath(new URL('../../web/dist', import.meta.url)) })
  asked = []
  api.pair = standsBy
  api.handlers = {
    ...api.handlers,
    ...accessHandlers(api.access),
    ...failoverHandlers({ failover: fakePair(asked), agentName: () => 'agent-x' }),
  }
})
afterEach(async () => {
  await browser.close()
  await api.stop()
})

async function opened(path: string): Promise<OpenedPage> {
  const { page, complaints } = await openPage(browser)
  await page.addInitScript(
    ([token, expiresAt]) => localStorage.setItem('farwatch.session', JSON.stringify({ token, expiresAt })),
    [adminToken, new Date(Date.now() + 3_600_000).toISOString()],
  )
  await page.goto(`${api.url}${path}`)
  return { page, complaints }
}

test('every page of a standby says so and leads to the active server, and a change is refused with the way', async () => {
  const { page, complaints } = await opened('/agents?tab=associations')
  const banner = page.getByRole('status').filter({ hasText: 'This server stands by' })
  await banner.waitFor()
  const link = await banner.getByRole('link', { name: pairUrl }).getAttribute('href')
  await page.goto(`${api.url}/agents`)
  await page.getByRole('row', { name: /local/ }).waitFor()
  await banner.waitFor()
  await page.getByRole('button', { name: /Add an agent/ }).click()
  await page.getByRole('button', { name: /Make/ }).click()
  const refusal = page.getByRole('alert')
  await refusal.waitFor()
  expect([link, await refusal.getByRole('link').getAttribute('href'), complaints]).toEqual([pairUrl, pairUrl, []])
})

test('settings of the pair are saved, and what is refused stands at its field with what to do', async () => {
  const { page, complaints } = await opened('/instance?tab=failover')
  await page.getByRole('heading', { name: 'This server' }).waitFor()
  const url = page.getByLabel('Address of the primary')
  const save = page.getByRole('button', { name: 'Save' })
  await url.fill('http://a.example')
  await save.click()
  await page.getByText('is not an https:// URL. Give the URL of the PRIMARY.').waitFor()
  await url.fill('https://b.example')
  await page.getByLabel('Timeout in seconds').fill('soon')
  await page.getByText('A number of seconds is needed').waitFor()
  const isOff = await save.isDisabled()
  await page.getByLabel('Timeout in seconds').fill('20')
  await save.click()
  await page.getByText('Settings of the pair saved').waitFor()
  expect([isOff, asked, complaints]).toEqual([
    true,
    [
      { given: { peerUrl: 'http://a.example' }, by: expect.any(String) },
      { given: { peerUrl: 'https://b.example', timeoutMs: 20_000 }, by: expect.any(String) },
    ],
    [],
  ])
})

test('a forced take-over shows its price before it is asked for', async () => {
  const { page } = await opened('/instance?tab=failover')
  await page.getByRole('button', { name: 'Force the take-over…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('another than the other had: edits made there are missing here').waitFor()
  const before = [...asked]
  await dialog.getByRole('button', { name: 'Force the take-over' }).click()
  await page.getByText('This server acts now').waitFor()
  expect([before, asked]).toEqual([[], [{ force: expect.any(String) }]])
})
