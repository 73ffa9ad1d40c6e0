/** `npm run bench`: see docs/performance.md. */
import { parseArgs } from 'node:util'
import { agentsRow, configurationRow } from './agents.ts'
import { checkRows } from './checks.ts'
import { compare, compareRows, compareWords } from './compare.ts'
import { eventLoopRow } from './event-loop.ts'
import { failoverRows } from './failover.ts'
import { failoverSoakRow } from './failover-soak.ts'
import { firstResultRow } from './first-result.ts'
import { growthRow } from './growth.ts'
import { historyRows } from './history.ts'
import { hundredThousandRow } from './hundred-thousand.ts'
import { judgeBench } from './judge.ts'
import { calibrate, machineFacts } from './machine.ts'
import { memoryRow } from './memory.ts'
import { placementRow } from './placement.ts'
import { portalRow } from './portal.ts'
import { profileRow } from './profile.ts'
import { replicationRow } from './replication.ts'
import { reschedulingRow } from './rescheduling.ts'
import { rolesRow } from './roles.ts'
import type { BenchRow, Figure, Size } from './row.ts'
import { soakRow } from './soak.ts'
import { startRow } from './start.ts'
import { threadRows } from './threads.ts'
import { yearQueryRow } from './year-query.ts'

const judgeRow: BenchRow = { name: 'judge', about: 'what rules cost', run: judgeBench }
const rows: readonly BenchRow[] = [
  ...checkRows,
  ...historyRows,
  judgeRow,
  replicationRow,
  ...failoverRows,
  placementRow,
  memoryRow,
  firstResultRow,
  startRow,
  configurationRow,
  reschedulingRow,
  rolesRow,
  agentsRow,
  portalRow,
  eventLoopRow,
  yearQueryRow,
  growthRow,
  hundredThousandRow,
]
/** Run only when asked for: they print more than figures. */
const onRequest: readonly BenchRow[] = [profileRow, soakRow, failoverSoakRow, ...threadRows]

function lineOf({ name, value, unit, note }: Figure): string {
  const digits = Math.abs(value) < 1 ? 3 : Math.abs(value) < 100 ? 2 : 0
  const shown = Number.isFinite(value)
    ? value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
    : 'none'
  return `${name.padEnd(56)} ${shown.padStart(12)} ${unit.padEnd(8)}${note === undefined ? '' : ` (${note})`}`.trimEnd()
}

function print(figures: readonly Figure[]): void {
  for (const figure of figures) console.log(lineOf(figure))
}

const { values, positionals } = parseArgs({
  options: {
    list: { type: 'boolean' },
    compare: { type: 'boolean', default: false },
    agents: { type: 'string', default: '1000' },
    tasks: { type: 'string', default: '100' },
    period: { type: 'string', default: '60' },
    minutes: { type: 'string', default: '1' },
    rate: { type: 'string' },
    seed: { type: 'string', default: '1' },
    'tasks-per-minute': { type: 'string', default: '10000' },
    timeout: { type: 'string', multiple: true, default: ['15', '5'] },
    repetitions: { type: 'string', default: '3' },
  },
  allowPositionals: true,
})
const size: Size = {
  agents: Number(values.agents),
  tasks: Number(values.tasks),
  periodMs: 1_000 * Number(values.period),
  minutes: Number(values.minutes),
  rate: values.rate === undefined ? undefined : Number(values.rate),
  seed: Number(values.seed),
  pair: {
    tasksPerMinute: Number(values['tasks-per-minute']),
    timeoutsMs: values.timeout.map((seconds) => 1_000 * Number(seconds)),
    repetitions: Number(values.repetitions),
  },
}
const known = [...rows, ...onRequest]
const words = values.compare ? compareWords : known.map(({ name }) => name)
const unknown = positionals.filter((word) => !words.includes(word))
if (values.list === true) {
  for (const { name, about } of known) console.log(`${name.padEnd(18)} ${about}`)
  console.log('\nBeside peers, with --compare; a name of a row, of a peer, or of both:')
  for (const { name, about, peers } of compareRows) console.log(`${name.padEnd(18)} ${about}; ${peers.join(', ')}`)
} else if (unknown.length > 0) {
  console.error(`no such row: ${unknown.join(', ')}; \`npm run bench -- --list\` names them`)
  process.exitCode = 2
} else {
  console.log(machineFacts())
  print(await calibrate())
  if (values.compare && !(await compare(positionals, size.pair.repetitions))) process.exitCode = 1
  const wanted = values.compare
    ? []
    : positionals.length === 0
      ? rows
      : known.filter(({ name }) => positionals.includes(name))
  for (const row of wanted) {
    try {
      print(await row.run(size))
    } catch (thrown) {
      // The other rows still say something.
      console.log(`${row.name}: not measured: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
      process.exitCode = 1
    }
  }
}
