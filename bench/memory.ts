/** Resident memory of an instance as it comes, and with 5,000 tasks at 5 s. */
import { loads, withServer } from './load.ts'
import type { BenchRow, Figure } from './row.ts'
import { sleep } from './row.ts'
import { Watched } from './watch-load.ts'
import type { ProcessUse } from './process-tree.ts'

const mebibyte = 1024 ** 2
const tasks = 5_000

function figures(when: string, tree: readonly ProcessUse[]): readonly Figure[] {
  const sum = (of: (use: ProcessUse) => number) => tree.reduce((total, use) => total + of(use), 0) / mebibyte
  const main = tree.find(
    ({ command }) => /(cli|program)\/main\.[jt]s/.test(command) && !command.includes('bin/farwatch'),
  )
  const compiled = main?.command.includes('.js') === true ? 'compiled' : 'from sources'
  return [
    {
      name: `RSS, ${when}: all processes`,
      value: sum(({ residentBytes }) => residentBytes),
      unit: 'MiB',
      note: `${sum(({ ownBytes }) => ownBytes).toFixed(0)} MiB with shared pages counted once; ${compiled}`,
    },
    { name: `RSS, ${when}: main process`, value: (main?.residentBytes ?? NaN) / mebibyte, unit: 'MiB' },
  ]
}

export const memoryRow: BenchRow = {
  name: 'memory',
  about: 'resident memory, idle and with 5,000 HTTP tasks at 5 s',
  run: () =>
    withServer(async (port) => {
      await using watched = await Watched.start()
      await sleep(10_000)
      const idle = figures('idle', watched.processes())
      await watched.carry(loads['http-new'], tasks, port, 30_000)
      return [...idle, ...figures(`${tasks} tasks at 5 s`, watched.processes())]
    }),
}
