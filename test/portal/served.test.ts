import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { firstPage, firstPageLimit } from '../../scripts/portal-output.mjs'
import { makeAuthority, type Authority } from '../servers/certificates.ts'
import { startNginx, type Nginx } from '../servers/nginx.ts'
import { TestInstance } from '../support/instance.ts'
import { openBrowser, signedInPage } from './browser.ts'

const built = firstPage(fileURLToPath(new URL('../../web/dist', import.meta.url)))
const script = built.find(({ name }) => name.endsWith('.js'))!.name
let instance: TestInstance
let authority: Authority
let nginx: Nginx

beforeAll(async () => {
  instance = await TestInstance.start()
  authority = await makeAuthority()
  const upstream = `https://127.0.0.1:${new URL(instance.url).port}`
  nginx = await startNginx({
    certificate: await authority.issue(['DNS:localhost', 'IP:127.0.0.1'], 30),
    locations: `
      proxy_ssl_verify off;
      location /farwatch/ { proxy_pass ${upstream}/; proxy_set_header X-Forwarded-Prefix /farwatch; }
      location /kept/ { proxy_pass ${upstream}; proxy_set_header X-Forwarded-Prefix /kept/; }`,
  })
})
afterAll(async () => {
  await nginx?.stop()
  await authority?.remove()
  await instance?.[Symbol.asyncDispose]()
})

test('the first page is light', () => {
  const bytes = built.reduce((sum, file) => sum + file.bytes, 0)
  // What is too much is named, the heaviest first: what the first page does not show can be loaded when it is asked for.
  expect(bytes <= firstPageLimit ? [] : built).toEqual([])
})

test('files whose names change with their content are kept for ever and come compressed; the page is asked for anew', async () => {
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const { status, headers: seen } = await instance.send('GET', path, undefined, '', headers)
    return [status, seen['content-encoding'], seen['cache-control'], seen['vary'], seen['content-type']]
  }
  const forEver = 'public, max-age=31536000, immutable'
  const javaScript = 'application/javascript; charset=utf-8'
  expect({
    brotli: await get(`/${script}`, { 'accept-encoding': 'gzip, deflate, br' }),
    gzip: await get(`/${script}`, { 'accept-encoding': 'gzip' }),
    plain: await get(`/${script}`),
    page: await get('/systems/of/nobody', { 'accept-encoding': 'gzip' }),
    named: await get('/index.html', { 'accept-encoding': 'gzip' }),
    icon: await get('/favicon.svg'),
    gone: (await get('/assets/index-00000000.js')).slice(0, 3),
  }).toEqual({
    brotli: [200, 'br', forEver, 'accept-encoding', javaScript],
    gzip: [200, 'gzip', forEver, 'accept-encoding', javaScript],
    plain: [200, undefined, forEver, 'accept-encoding', javaScript],
    page: [200, undefined, 'no-cache', 'x-forwarded-prefix', 'text/html; charset=utf-8'],
    named: [200, undefined, 'no-cache', 'x-forwarded-prefix', 'text/html; charset=utf-8'],
    icon: [200, undefined, 'no-cache', 'accept-encoding', 'image/svg+xml'],
    gone: [404, undefined, undefined],
  })
})

test('what is not a path is not written into the page as its base', async () => {
  const baseFor = async (prefix: string) => {
    const { body } = await instance.send('GET', '/', undefined, '', { 'x-forwarded-prefix': prefix })
    return /<base href="[^>]*>/.exec(body)?.[0]
  }
  const bases = ['/farwatch', '/a/b.c_d~e-f/', '', 'farwatch', '//elsewhere.example', '/../x', '/"><script>', '/a b']
  const root = '<base href="/" />'
  expect(await Promise.all(bases.map(baseFor))).toEqual([
    '<base href="/farwatch/" />',
    '<base href="/a/b.c_d~e-f/" />',
    ...Array.from({ length: 6 }, () => root),
  ])
})

test('the portal lives below the path of a proxy: deep links, signing in, and events', async () => {
  await using browser = await openBrowser()
  const seen: unknown[] = []
  // One proxy takes its path away, the other passes it on as it came.
  for (const path of ['/farwatch', '/kept']) {
    const url = `https://localhost:${nginx.tlsPort}${path}`
    const { page, complaints } = await signedInPage(browser, { url }, { path: '/alarms?state=all' })
    await page.waitForURL(`${url}/alarms?state=all`)
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.waitForURL(`${url}/`)
    const group = `below${path.replace('/', '-')}`
    await instance.call('applyConfiguration', { body: { groups: [{ name: group }] }, query: {} })
    await page.locator('.row-group', { hasText: group }).waitFor()
    seen.push(complaints)
    await page.context().close()
  }
  expect(seen).toEqual([[], []])
})
