/** What checks cost, storage included: real instances, real servers, configuration and figures through the API. */
import { availableParallelism } from 'node:os'
import { loads, withServerOf, type Load, type LoadKind } from './load.ts'
import { loopFigures } from './loop.ts'
import { median, type BenchRow, type Figure } from './row.ts'
import { heldBy } from './search.ts'
import { notRun, Watched, type Window } from './watch-load.ts'

const windows = 3
const windowMs = 8_000
// Ping waits for its packets, so that fewer fit at once.
const steadyRates: Record<LoadKind, number> = {
  'http-new': 1_000,
  'http-reuse': 1_000,
  // A handshake takes the server as long as the client.
  'https-new': 400,
  tcp: 1_000,
  ping: 400,
}

/** Steps of the search for what one core holds. */
const steps = 4

export const checkRows: readonly BenchRow[] = (Object.keys(loads) as LoadKind[]).flatMap((kind) => [
  {
    name: kind,
    about: `CPU for each check at ${steadyRates[kind]} a second: ${loads[kind].title}`,
    run: () => steady(loads[kind], steadyRates[kind]),
  },
  {
    name: `${kind}-core`,
    about: `checks a second that one core holds, and what each costs then: ${loads[kind].title}`,
    run: () => saturated(loads[kind]),
  },
])

function remarks(...parts: readonly (string | undefined)[]): { note?: string } {
  const note = parts.filter((part) => part !== undefined && part !== '').join('; ')
  return note === '' ? {} : { note }
}

/** With the settings as they come. */
function steady(asked: Load, rate: number): Promise<readonly Figure[]> {
  return withServerOf(asked, async (port, load) => {
    await using watched = await Watched.start()
    await watched.carry(load, (rate * load.periodMs) / 1_000, port)
    const seen: Window[] = []
    for (let i = 0; i < windows; i++) seen.push(await watched.measure(windowMs))
    const name = `${load.title}, ${rate}/s`
    const worst = seen.reduce((a, b) => (b.coverage < a.coverage ? b : a))
    return [
      {
        name: `${name}: CPU for each check`,
        value: median(seen.map(({ cpuMsPerCheck }) => cpuMsPerCheck)),
        unit: 'ms',
        ...remarks(load.note, notRun(worst)),
      },
      { name: `${name}: lateness p95`, value: median(seen.map(({ latenessP95Ms }) => latenessP95Ms)), unit: 'ms' },
    ]
  })
}

/** The whole instance pinned to the last core, room for as many runs at once as it likes. */
function saturated(asked: Load): Promise<readonly Figure[]> {
  return withServerOf(asked, async (port, load) => {
    await using watched = await Watched.start({
      loop: true,
      wrap: ['taskset', '-c', String(availableParallelism() - 1)],
      settings: { parallelTasks: 1_000, parallelPerTarget: 1_000 },
    })
    const {
      rate: held,
      window,
      refused,
    } = await heldBy(watched, steps, (rate) =>
      watched.carry(load, Math.round((rate * load.periodMs) / 1_000), port, 2_000),
    )
    const bounds = refused === Infinity ? 'more was not tried' : `${refused}/s not held`
    return [
      { name: `${load.title}, one core: checks held`, value: held, unit: '/s', ...remarks(load.note, bounds) },
      {
        name: `${load.title}, one core: CPU for each check`,
        value: window?.cpuMsPerCheck ?? NaN,
        unit: 'ms',
        ...remarks(window === undefined ? undefined : `lateness p95 ${window.latenessP95Ms} ms`),
      },
      ...(window?.loop === undefined ? [] : loopFigures(`${load.title}, one core`, window.loop)),
    ]
  })
}
