/** How late the main event loop is where an instance has as much to do as two cores carry, targets included. */
import { loads, mixedDocument, withServer } from './load.ts'
import { loopFigures } from './loop.ts'
import { sleep, type BenchRow, type Figure, type Size } from './row.ts'
import { ApiClient } from './api.ts'
import { notRun, Watched } from './watch-load.ts'
import { adminPassword } from '../test/support/instance.ts'

const periodMs = 5_000
const usualRate = 3_000
const windowMs = 20_000
/** As often as a portal asks that somebody has open. */
const askEveryMs = 5_000
const asked = ['/status', '/groups', '/systems/index', '/alarms?limit=100']

/** What a portal asks that is open, until told to end. */
async function lookOn(api: ApiClient, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    for (const path of asked) await api.ask('GET', path)
    await sleep(askEveryMs)
  }
}

async function fullLoad({ rate = usualRate }: Size): Promise<readonly Figure[]> {
  return withServer(async (port) => {
    await using watched = await Watched.start({
      loop: true,
      settings: { parallelTasks: 1_000, parallelPerTarget: 1_000 },
    })
    const api = new ApiClient(watched.instance.url)
    try {
      await api.signIn('admin', adminPassword)
      const half = Math.round((rate * periodMs) / 2_000)
      const document = mixedDocument(
        [
          { load: { ...loads['http-new'], periodMs }, tasks: half },
          { load: { ...loads.tcp, periodMs }, tasks: half },
        ],
        port,
      )
      await watched.carryDocument(document, periodMs)
      let isOver = false
      const looking = lookOn(api, () => isOver)
      const seen = await watched.measure(windowMs)
      isOver = true
      await looking
      const rest = notRun(seen)
      const figures = loopFigures(`full load, ${rate}/s HTTP and TCP, a portal open`, seen.loop!)
      return [
        {
          name: `full load, ${rate}/s HTTP and TCP: checks run`,
          value: seen.checksPerSecond,
          unit: '/s',
          note: `${seen.cores.toFixed(2)} cores${rest === '' ? '' : `, ${rest}`}`,
        },
        ...figures,
      ]
    } finally {
      api.close()
    }
  })
}

export const eventLoopRow: BenchRow = {
  name: 'event-loop',
  about: `how late the main event loop is at full load, ${usualRate} checks a second unless told otherwise (--rate)`,
  run: fullLoad,
}
