/** The portal before ten thousand systems with a hundred thousand tasks: what its first page weighs, and how long one waits. */
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { openHistory } from '../src/app/history.ts'
import { systemClock } from '../src/platform/index.ts'
import { slotFrom, type RunResult } from '../src/model/index.ts'
import { buildPortal } from '../scripts/build-web.mjs'
import { root } from '../scripts/install.mjs'
import { firstPage, firstPageLimit } from '../scripts/portal-output.mjs'
import { openBrowser, signIn } from '../test/portal/browser.ts'
import { TestInstance } from '../test/support/instance.ts'
import { withServer } from './load.ts'
import { median, percentile, type BenchRow, type Figure } from './row.ts'

const groups = 100
const systemsAGroup = 100
const connectorsASystem = 10
const periodMs = 3_600_000
const repetitions = 3
const entriesABatch = 5_000
/** Enough systems to scroll through. */
const openedGroups = 12
/** How far one scroll goes, a frame after another, and in how many. */
const scrolled = { frames: 240, pixels: 180 }

export const portalRow: BenchRow = {
  name: 'portal',
  about: 'what the first page weighs, and how long one waits before 10,000 systems with 100,000 tasks',
  run: async () => {
    buildPortal()
    return [...bundle(), ...before(await measured())]
  },
}

function bundle(): readonly Figure[] {
  const bytes = firstPage(join(root, 'web', 'dist')).reduce((sum, file) => sum + file.bytes, 0)
  return [
    {
      name: 'portal, first page, compressed',
      value: bytes / 1_000,
      unit: 'kB',
      note: `${firstPageLimit / 1_000} at most`,
    },
  ]
}

interface Measured {
  readonly overviewMs: readonly number[]
  readonly systemsMs: readonly number[]
  readonly searchMs: readonly number[]
  readonly frames: readonly Frame[]
}

interface Frame {
  readonly ms: number
  readonly isBlank: boolean
}

function before({ overviewMs, systemsMs, searchMs, frames }: Measured): readonly Figure[] {
  const note = '10,000 systems, 100,000 tasks'
  const times = frames.map(({ ms }) => ms)
  return [
    { name: 'portal, first overview', value: median(overviewMs), unit: 'ms', note },
    { name: 'portal, list of systems', value: median(systemsMs), unit: 'ms', note },
    { name: 'portal, search', value: median(searchMs), unit: 'ms', note },
    { name: 'portal, frame while scrolling, p95', value: percentile(times, 0.95), unit: 'ms' },
    {
      name: 'portal, blank frames while scrolling',
      value: frames.filter(({ isBlank }) => isBlank).length,
      unit: '',
      note: `of ${frames.length}`,
    },
  ]
}

function documentOf(port: number): object {
  return {
    profiles: [{ name: 'load', connector: 'tcp', monitors: [{ monitor: 'tcp.port', period: `${periodMs}ms` }] }],
    groups: Array.from({ length: groups }, (_, g) => ({
      name: `group-${g}`,
      systems: Array.from({ length: systemsAGroup }, (__, s) => ({
        name: `system-${g}-${s}`,
        type: s % 2 === 0 ? 'web' : 'host',
        tags: { env: s % 3 === 0 ? 'prod' : 'test', site: `site-${g % 7}` },
        connectors: Array.from({ length: connectorsASystem }, (___, c) => ({
          name: `c${c}`,
          type: 'tcp',
          settings: { host: '127.0.0.1', port },
          profiles: ['load'],
        })),
      })),
    })),
  }
}

/** A result of the last hour for each task, and of one in a hundred a failed one. */
async function fill(directory: string, tasks: readonly string[]): Promise<void> {
  const history = await openHistory({ directory, clock: systemClock })
  const at = systemClock.now()
  await history.applyTasks(tasks.map((id) => ({ id, connector: id, periodMs })))
  for (let from = 0; from < tasks.length; from += entriesABatch) {
    const entries = tasks.slice(from, from + entriesABatch).map((task, i): RunResult => {
      const slot = slotFrom(task, periodMs, at - periodMs)
      const run = { kind: 'run', task, slot, startedAt: slot, durationMs: 2 } as const
      return (from + i) % 100 === 0
        ? { ...run, outcome: 'failed', reason: 'refused', message: 'connection refused', samples: [] }
        : { ...run, outcome: 'ran', samples: [{ name: 'duration', labels: {}, value: 2 }] }
    })
    await history.upload({ format: 1, agent: 'bench', spool: 'bench', from, entries })
  }
  await history.settle()
  await history.close()
}

async function measured(): Promise<Measured> {
  return withServer(async (port) => {
    await using instance = await TestInstance.start()
    await instance.call('applyConfiguration', { body: documentOf(port), query: { prune: true } })
    const tasks: string[] = []
    for (let g = 0; g < groups; g++)
      tasks.push(...(await instance.call('listTasks', { query: { group: `group-${g}` } })).map(({ id }) => id))
    await instance.stop()
    await fill(instance.data, tasks)
    // Its port may be another's by now.
    instance.url = ''
    await instance.start()
    await using browser = await openBrowser()
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1360, height: 900 } })
    const page = await context.newPage()
    page.setDefaultTimeout(300_000)
    await signIn(page, instance)
    await rowsShown(page)
    const overviewMs: number[] = []
    const systemsMs: number[] = []
    const searchMs: number[] = []
    let frames: readonly Frame[] = []
    for (let i = 0; i < repetitions; i++) {
      overviewMs.push(
        await taken(async () => {
          await page.goto(instance.url)
          await rowsShown(page)
        }),
      )
      systemsMs.push(
        await taken(async () => {
          await page.goto(`${instance.url}/systems`)
          await rowsShown(page)
        }),
      )
      const name = `system-${17 + i}-42`
      searchMs.push(
        await taken(async () => {
          await page.locator('input[data-filter]').fill(name)
          await page.getByRole('link', { name, exact: true }).waitFor()
        }),
      )
      await page.goto(`${instance.url}/systems?state=all&text=system`)
      await rowsShown(page)
      // From below, so that the next one is still in sight.
      for (let opened = 0; opened < openedGroups; opened++)
        await page
          .getByRole('button', { name: /^Unfold group-/ })
          .last()
          .click()
      frames = [...frames, ...(await scroll(page))]
    }
    return { overviewMs, systemsMs, searchMs, frames }
  })
}

async function rowsShown(page: Page): Promise<void> {
  await page.locator('.rows .row').nth(5).waitFor()
}

async function taken(act: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await act()
  return performance.now() - start
}

/** Scrolls down a step with each frame, and looks whether there is a row in the middle of the window. Runs in the page. */
function scroll(page: Page): Promise<readonly Frame[]> {
  const { frames, pixels } = scrolled
  return page.evaluate<Frame[]>(`new Promise((resolve) => {
    const seen = []
    let last = performance.now()
    const step = () => {
      const now = performance.now()
      const there = document.elementFromPoint(innerWidth / 2, innerHeight / 2)
      seen.push({ ms: now - last, isBlank: there === null || there.closest('.row') === null })
      last = now
      if (seen.length === ${frames}) return resolve(seen)
      scrollBy(0, ${pixels})
      requestAnimationFrame(step)
    }
    scrollTo(0, 600)
    requestAnimationFrame(step)
  })`)
}
