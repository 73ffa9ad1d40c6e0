import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { ConfigurationDocument } from '../../src/contract/index.ts'
import { startHana } from '../servers/hana.ts'
import { runCommand } from '../support/command.ts'
import { TestInstance } from '../support/instance.ts'
import { expectAccessible } from './axe.ts'
import { openBrowser, signedInPage } from './browser.ts'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

/** An address of the loopback that nobody else uses, so that the exporter can listen where exporters do. */
const host = '127.0.0.77'

let exporter: Server
let instance: TestInstance
let browser: Browser
let page: Page
let complaints: readonly string[]

beforeAll(async () => {
  exporter = createServer((request, response) =>
    response.end(request.url === '/metrics' ? '# TYPE node_load1 gauge\nnode_load1 0.5\n' : 'Node exporter'),
  ).listen(9100, host)
  await once(exporter, 'listening')
  instance = await TestInstance.start()
  browser = await openBrowser()
  ;({ page, complaints } = await signedInPage(browser, instance))
})

afterAll(async () => {
  await browser?.close()
  await instance?.[Symbol.asyncDispose]()
  exporter.closeAllConnections()
  exporter.close()
})

test('somebody points at a host, ticks what an agent found there, and it is monitored; the command line then says that it is there', async () => {
  await page.goto(`${instance.url}/configuration?group=local`)
  await page.getByRole('button', { name: 'Discover a host…' }).click()
  await page.getByLabel('Host name or address').fill(host)
  await page.getByRole('button', { name: 'Look', exact: true }).click()
  const proposals = page.getByRole('list', { name: 'Proposals' })
  await proposals.getByText('Node exporter, port 9100').waitFor()
  await expectAccessible(page)
  await proposals.getByRole('listitem').filter({ hasText: 'Node exporter' }).getByLabel('Name').fill('exporter')
  for (const ticked of await proposals.getByRole('checkbox').all()) {
    const about = await ticked.evaluate((box) => box.closest('li')?.textContent ?? '')
    if (!about.includes('Node exporter')) await ticked.uncheck()
  }
  await page.getByRole('button', { name: 'Show what would be added' }).click()
  await page.getByRole('region', { name: 'Show what would be added' }).getByText('exporter').first().waitFor()
  await page.getByRole('button', { name: 'Add 1 connector' }).click()
  await page.getByText('Saved as revision 2').first().waitFor()
  // To the API it is any JSON.
  const { groups } = (await instance.call('showConfiguration')) as ConfigurationDocument
  const added = groups?.[0]?.systems?.find(({ name }) => name === host)
  const written = await runCommand(['discover', host, '--group', 'local'], { url: instance.url, token: instance.token })
  expect([
    added,
    written.out.includes(`# Left out, is there as ${host} / exporter: Node exporter`),
    complaints,
  ]).toEqual([
    {
      name: host,
      type: 'host',
      connectors: [
        {
          name: 'exporter',
          type: 'http',
          settings: { url: `http://${host}:9100/` },
          profiles: ['prometheus-default'],
        },
      ],
    },
    true,
    [],
  ])
})

test('what is marked gets the default profile of its type', async () => {
  await page.goto(`${instance.url}/configuration?group=local&system=${host}`)
  await page.getByRole('checkbox', { name: 'Mark exporter' }).check()
  await page.getByRole('button', { name: 'Profiles and tags…' }).click()
  await page.getByRole('checkbox', { name: /^The default profile of each connector’s type/ }).check()
  await page.getByRole('button', { name: 'Show what would change' }).click()
  await page.getByRole('button', { name: 'Apply 1 change' }).click()
  await page.getByText('Saved as revision 3').first().waitFor()
  // To the API it is any JSON.
  const { groups } = (await instance.call('showConfiguration')) as ConfigurationDocument
  const system = groups?.[0]?.systems?.find(({ name }) => name === host)
  expect([system?.connectors?.map(({ profiles }) => profiles), complaints]).toEqual([
    [['prometheus-default', 'web-default']],
    [],
  ])
})

test('asked with a credential that somebody chose, the SYSTEMDB of a HANA names a tenant that no port tells of', async () => {
  const at = { host: '127.0.0.76', port: 30_013 }
  const hana = await startHana({
    at,
    answers: {
      'SYS_DATABASES.M_SERVICES': [
        { NAME: 'PRD', HOST: 'hana1', PORT: 30_047n, SERVICE: 'indexserver' },
        { NAME: 'SYSTEMDB', HOST: 'hana1', PORT: 30_013n, SERVICE: 'nameserver' },
      ],
    },
  })
  try {
    const login = { name: 'hana-login', type: 'basic', username: 'MONITOR', secret: { value: 'Geheim1' } }
    const systemdb = { name: 'systemdb', type: 'hana', settings: { host: at.host, tls: 'off' }, credential: login.name }
    const systems = [{ name: 'HDB', connectors: [systemdb] }]
    await instance.call('applyConfiguration', {
      query: {},
      body: {
        groups: [{ name: 'sap', credentials: [login], systems }],
        associations: [{ group: 'sap', agents: ['local'] }],
      },
    })
    await page.goto(`${instance.url}/configuration?group=sap`)
    await page.getByRole('button', { name: 'Discover a host…' }).click()
    await page.getByLabel('Host name or address').fill(at.host)
    await page.getByLabel('Ask for more with').selectOption(login.name)
    await page.getByRole('button', { name: 'Look', exact: true }).click()
    const tenant = page.getByRole('list', { name: 'Proposals' }).getByRole('listitem').filter({ hasText: 'tenant PRD' })
    await tenant.waitFor()
    await expectAccessible(page)
    expect([
      await tenant.getByText('named by the SYSTEMDB of instance 00').count(),
      hana.signIns(),
      complaints,
    ]).toEqual([1, 1, []])
  } finally {
    await hana.stop()
  }
})
