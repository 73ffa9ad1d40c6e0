// npm run pictures -- [folder] [--readme]: each page of the portal as it looks, light, dark and on a phone, from real instances. Without a folder they
// go to dist/pictures, which is not kept. With --readme those that the README shows are put into docs/images as well.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openBrowser } from '../test/portal/browser.ts'
import { adminPassword, type TestInstance } from '../test/support/instance.ts'
import { buildPortal } from './build-web.mjs'
import { root } from './install.mjs'
import { startPictureWorld } from './picture-world.ts'

buildPortal()
const words = process.argv.slice(2)
const folder = words.find((word) => !word.startsWith('--')) ?? join(root, 'dist', 'pictures')
await mkdir(folder, { recursive: true })
await using world = await startPictureWorld()
await takePictures(world.server, folder)
if (words.includes('--readme')) await keepForReadme(folder, join(root, 'docs', 'images'))

/** Each page by the name of its picture. */
async function pagesOf(server: TestInstance): Promise<Readonly<Record<string, string>>> {
  const systems = await server.call('listSystems', { query: {} })
  const idOf = (name: string) => systems.find((one) => one.name === name)?.id ?? ''
  const alarms = await server.call('listAlarms', { query: { state: 'open', system: 'payments' } })
  const agents = await server.call('listAgents')
  const [snapshot] = await server.call('listSnapshots')
  // The life of the world: wider, and half of each chart would be empty.
  const to = Date.now()
  const lately = `from=${to - 6 * 60_000}&to=${to}`
  return {
    overview: '/?span=1h',
    wall: '/?wall=1',
    systems: '/systems',
    system: `/systems/${idOf('payments')}?${lately}`,
    machine: `/systems/${idOf('berlin-1')}?${lately}`,
    alarms: '/alarms',
    'alarms-grouped': '/alarms?by=system',
    alarm: `/alarms/${alarms[0]?.id ?? ''}`,
    explorer: `/explore?q1=${encodeURIComponent('duration{group="shop", monitor="http.response"}')}&q2=${encodeURIComponent('orders{system="storefront"}')}&${lately}`,
    dashboards: '/dashboards',
    dashboard: `/dashboards/shop?${lately}`,
    agents: '/agents',
    agent: `/agents/${agents.find(({ name }) => name === 'berlin-1')?.id ?? ''}`,
    associations: '/agents?tab=associations',
    configuration: '/configuration',
    'configuration-connector': '/configuration?group=shop&system=storefront&connector=front',
    'configuration-credential': '/configuration?group=shop&add=credential',
    'configuration-profiles': '/configuration?tab=profiles&profile=web',
    'configuration-monitor': '/configuration?tab=profiles&profile=web&monitor=http.response',
    'configuration-library': '/configuration?tab=library&monitor=http.response',
    'configuration-document': '/configuration?tab=document',
    'configuration-import': '/configuration?tab=apply',
    'configuration-revisions': '/configuration?tab=revisions&from=1&to=2',
    plugins: '/plugins',
    instance: '/instance',
    role: '/instance?tab=role',
    failover: '/instance?tab=failover',
    certificates: '/instance?tab=certificates',
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
    snapshots: `/administration?tab=snapshots&snapshot=${snapshot?.id ?? ''}`,
    audit: '/administration?tab=audit',
  }
}

async function takePictures(server: TestInstance, into: string): Promise<void> {
  const pages = await pagesOf(server)
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
    await page.goto(`${server.url}/sign-in`)
    await page.getByLabel('User name').waitFor()
    await page.screenshot({ path: join(into, `sign-in${look.name}.png`) })
    await page.getByLabel('User name').fill('admin')
    await page.getByLabel('Password', { exact: true }).fill(adminPassword)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('navigation', { name: 'Main' }).first().waitFor()
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(server.url + path)
      await page.waitForLoadState('load')
      // What is not there after so long is a picture of its waiting.
      const waiting = page.locator('.mantine-Skeleton-root').first()
      await waiting.waitFor({ state: 'detached', timeout: 30_000 }).catch(() => undefined)
      // Charts draw after their data came; there is no event to wait for from outside.
      await pause(2_500)
      await page.screenshot({ path: join(into, `${name}${look.name}.png`) })
    }
    await context.close()
  }
}

const inReadme = ['overview', 'system', 'alarms', 'failover', 'explorer']

/** As WebP, at a quality at which words stay sharp: half of what a page is as PNG. A browser can write that; nothing else here can. */
async function keepForReadme(from: string, to: string): Promise<void> {
  await using browser = await openBrowser()
  const page = await browser.newPage()
  for (const name of inReadme) {
    const png = await readFile(join(from, `${name}.png`), 'base64')
    const url = await page.evaluate<string>(`(async () => {
      const image = new Image()
      image.src = 'data:image/png;base64,${png}'
      await image.decode()
      const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height })
      canvas.getContext('2d').drawImage(image, 0, 0)
      return canvas.toDataURL('image/webp', 0.85)
    })()`)
    await writeFile(join(to, `${name}.webp`), Buffer.from(url.slice(url.indexOf(',') + 1), 'base64'))
  }
}
