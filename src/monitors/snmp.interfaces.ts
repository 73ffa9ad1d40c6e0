import { defineMonitor, type Item, type SnmpClient, type SnmpValue } from '../sdk/index.ts'
import { itemsOf } from './formats/measured.ts'
import { excludeSetting, includeSetting, selectionProblems, selects } from './formats/selection.ts'

const ifTable = '1.3.6.1.2.1.2.2.1'
const ifXTable = '1.3.6.1.2.1.31.1.1.1'
const sysUpTime = '1.3.6.1.2.1.1.3.0'

/** The columns that are read; those in 64 bits are asked for first, the old ones only where the device has none. */
const columns = {
  descr: `${ifTable}.2`,
  type: `${ifTable}.3`,
  speed: `${ifTable}.5`,
  admin: `${ifTable}.7`,
  oper: `${ifTable}.8`,
  changed: `${ifTable}.9`,
  inDiscards: `${ifTable}.13`,
  inErrors: `${ifTable}.14`,
  outDiscards: `${ifTable}.19`,
  outErrors: `${ifTable}.20`,
  name: `${ifXTable}.1`,
  inOctets: `${ifXTable}.6`,
  outOctets: `${ifXTable}.10`,
  megabits: `${ifXTable}.15`,
  alias: `${ifXTable}.18`,
} as const
const oldInOctets = `${ifTable}.10`
const oldOutOctets = `${ifTable}.16`

type Column = keyof typeof columns
type Row = { readonly [C in Column]?: SnmpValue['value'] }

const up = 1
const dormant = 5
const loopback = 24

/** The interfaces of a device. A link that is down counts only where it is in use: half of a switch's ports have never seen a cable. */
export default defineMonitor({
  id: 'snmp.interfaces',
  title: 'Network interfaces by SNMP',
  summary: 'State, traffic, utilisation, errors and discards of each interface of a device.',
  connector: 'snmp',
  settings: {
    interfaces: {
      ...includeSetting('Interfaces', 'Names or aliases. The loopback only where it is named.'),
      candidates: true,
    },
    excludeInterfaces: {
      ...excludeSetting('Interfaces left out', 'Names or aliases.'),
      default: ['Null*', 'veth*', 'docker*', 'Stack*'],
      candidates: true,
    },
    links: {
      kind: 'choice',
      label: 'Links that may not be down',
      help: 'used: those that have carried traffic or changed their state since the device started. all: every one that is not switched off. none: none.',
      of: ['used', 'all', 'none'],
      default: 'used',
    },
    maxInterfaces: {
      kind: 'number',
      label: 'Interfaces at most',
      help: 'The first ones of the device; the run says when there are more.',
      integer: true,
      min: 1,
      max: 2_000,
      default: 500,
    },
  },
  metrics: {
    interfaces: { title: 'Interfaces of the device', unit: '' },
    oper_status: {
      title: 'State: 1 up, 2 down, 3 testing, 4 unknown, 5 dormant, 6 not present, 7 lower layer down',
      unit: '',
      items: ['interface'],
    },
    admin_status: { title: 'Wanted state: 1 up, 2 down, 3 testing', unit: '', items: ['interface'] },
    link_down: { title: 'A link that is in use is down (1) or not (0)', unit: '', items: ['interface'] },
    received: { title: 'Received', unit: 'bit/s', items: ['interface'] },
    sent: { title: 'Sent', unit: 'bit/s', items: ['interface'] },
    speed: { title: 'Speed of the interface', unit: 'bit/s', items: ['interface'] },
    received_used: { title: 'Received, of what the interface can carry', unit: '%', items: ['interface'] },
    sent_used: { title: 'Sent, of what the interface can carry', unit: '%', items: ['interface'] },
    errors: { title: 'Packets with errors', unit: '/s', items: ['interface'] },
    discards: { title: 'Packets thrown away for want of room', unit: '/s', items: ['interface'] },
  },
  period: '1m',
  timeout: '30s',
  tested: 'real server',
  thresholdsFrom:
    'A link down is CRITICAL as in most products; utilisation 80 and 95 % and errors are our own judgement.',
  rules: [
    { name: 'cannot measure', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'link down', metric: 'link_down', thresholds: { CRITICAL: '> 0' } },
    {
      name: 'receives to the limit',
      metric: 'received_used',
      thresholds: { WARNING: '> 80%', MAJOR: '> 95%' },
      for: '10m',
    },
    { name: 'sends to the limit', metric: 'sent_used', thresholds: { WARNING: '> 80%', MAJOR: '> 95%' }, for: '10m' },
    { name: 'errors', metric: 'errors', thresholds: { WARNING: '> 1/s', MAJOR: '> 10/s' }, for: '5m' },
  ],
  needs:
    'A community or a user that may read 1.3.6.1.2.1.2 and 1.3.6.1.2.1.31. Version 1 cannot tell the traffic of fast interfaces.',
  grant: '# /etc/snmp/snmpd.conf\nview systemonly included .1.3.6.1.2.1.2\nview systemonly included .1.3.6.1.2.1.31',
  tryIt:
    'Take a cable out, or `ip link set eth1 down` on a Linux machine with snmpd whose interface has carried traffic.',
  check: ({ interfaces, excludeInterfaces }, path) => selectionProblems({ interfaces, excludeInterfaces }, path),
  async candidates(_, { client, signal }) {
    const { values } = await client.walk(columns.name, 500, signal)
    const called = values.length > 0 ? values : (await client.walk(columns.descr, 500, signal)).values
    const texts = called.map(({ value }) => String(value)).filter((name) => name !== '')
    return { interfaces: texts, excludeInterfaces: texts }
  },
  async collect({ interfaces, excludeInterfaces, links, maxInterfaces }, { client, signal, now, previous, remember }) {
    const upFor = numberOf((await client.get([sysUpTime], signal)).get(sysUpTime)?.value)
    const at = now()
    const { rows, more, wide } = await readRows(client, maxInterfaces, signal)
    const named = names(rows)
    const isWanted = selects(interfaces, [])
    const isLeftOut = excludeInterfaces.length === 0 ? () => false : selects(excludeInterfaces, [])
    const picks = interfaces.some((pattern) => pattern !== '*')
    const chosen = [...rows].filter(([index, row]) => {
      const called = [named.get(index) ?? index, String(row.alias ?? '')]
      return !called.some(isLeftOut) && called.some(isWanted) && (picks || numberOf(row.type) !== loopback)
    })
    const counts = Object.fromEntries(chosen.map(([index, row]) => [named.get(index) ?? index, countsOf(row)] as const))
    remember({ at, upFor, wide, counts } satisfies Seen)
    const before = readSeen(previous)
    // Since a restart everything is counted from zero.
    const restarted = before !== undefined && upFor !== undefined && (before.upFor ?? 0) > upFor
    const seconds = before === undefined || restarted ? 0 : (at - before.at) / 1_000
    const called = ([index]: readonly [string, Row]) => named.get(index) ?? index
    const items = (value: (row: Row, name: string) => number | undefined): Item[] =>
      itemsOf(
        chosen,
        (one) => ({ interface: called(one) }),
        (one) => value(one[1], called(one)),
      )
    const rate = (name: string, kind: CountKind) =>
      seconds <= 0
        ? undefined
        : grown(before?.counts[name]?.[kind], counts[name]?.[kind], kind, before?.wide === wide && wide, seconds)
    const bits = (name: string, kind: 'inOctets' | 'outOctets') => {
      const octets = rate(name, kind)
      return octets === undefined ? undefined : octets * 8
    }
    const used = (row: Row, name: string, kind: 'inOctets' | 'outOctets') => {
      const [speed, now] = [speedOf(row), bits(name, kind)]
      return speed === undefined || now === undefined ? undefined : Math.min(100, (100 * now) / speed)
    }
    const sum = (name: string, ...kinds: CountKind[]) => {
      const rates = kinds.map((kind) => rate(name, kind)).filter((one) => one !== undefined)
      return rates.length === 0 ? undefined : rates.reduce((total, one) => total + one, 0)
    }
    return {
      metrics: {
        interfaces: rows.size,
        oper_status: items((row) => numberOf(row.oper)),
        admin_status: items((row) => numberOf(row.admin)),
        link_down: items((row) => linkDown(row, links, upFor)),
        received: items((_, name) => bits(name, 'inOctets')),
        sent: items((_, name) => bits(name, 'outOctets')),
        speed: items((row) => speedOf(row)),
        received_used: items((row, name) => used(row, name, 'inOctets')),
        sent_used: items((row, name) => used(row, name, 'outOctets')),
        errors: items((_, name) => sum(name, 'inErrors', 'outErrors')),
        discards: items((_, name) => sum(name, 'inDiscards', 'outDiscards')),
      },
      ...(more ? { message: `only the first ${maxInterfaces} interfaces are measured` } : {}),
    }
  },
})

const countKinds = ['inOctets', 'outOctets', 'inErrors', 'outErrors', 'inDiscards', 'outDiscards'] as const
type CountKind = (typeof countKinds)[number]
type Counts = { readonly [K in CountKind]?: number }

/** What is remembered for the rates of the next run. */
interface Seen {
  readonly at: number
  /** Hundredths of a second since the device started. */
  readonly upFor: number | undefined
  /** The octets are counted in 64 bits. */
  readonly wide: boolean
  readonly counts: Readonly<Record<string, Counts>>
}

function readSeen(remembered: unknown): Seen | undefined {
  const seen = remembered as Partial<Seen> | null | undefined
  return typeof seen?.at === 'number' && typeof seen.counts === 'object'
    ? { at: seen.at, upFor: seen.upFor, wide: seen.wide === true, counts: seen.counts }
    : undefined
}

async function readRows(client: SnmpClient, maxInterfaces: number, signal: AbortSignal) {
  const found = new Map<string, { [C in Column]?: SnmpValue['value'] }>()
  let more = false
  const read = async (column: Column, oid: string) => {
    const seen = await client.walk(oid, maxInterfaces, signal)
    more ||= seen.more
    for (const { oid: at, value } of seen.values) {
      const index = at.slice(oid.length + 1)
      const row = found.get(index) ?? {}
      row[column] = value
      found.set(index, row)
    }
    return seen.values.length
  }
  // One column after the other: a device is asked one thing at a time.
  for (const [column, oid] of Object.entries(columns)) await read(column as Column, oid)
  const wide = [...found.values()].some((row) => row.inOctets !== undefined)
  if (!wide) {
    await read('inOctets', oldInOctets)
    await read('outOctets', oldOutOctets)
  }
  const rows: ReadonlyMap<string, Row> = new Map([...found].slice(0, maxInterfaces))
  return { rows, more, wide }
}

/** By their short name, else by what describes them; where two are called the same, each with its number. */
function names(rows: ReadonlyMap<string, Row>): ReadonlyMap<string, string> {
  const called = [...rows].map(([index, row]) => {
    const name = [row.name, row.descr].map((one) => String(one ?? '').trim()).find((one) => one !== '')
    return [index, (name ?? index).slice(0, 200)] as const
  })
  const times = new Map<string, number>()
  for (const [, name] of called) times.set(name, (times.get(name) ?? 0) + 1)
  return new Map(called.map(([index, name]) => [index, (times.get(name) ?? 0) > 1 ? `${name} #${index}` : name]))
}

function countsOf(row: Row): Counts {
  return Object.fromEntries(countKinds.flatMap((kind) => (typeof row[kind] === 'number' ? [[kind, row[kind]]] : [])))
}

/**
 * Growth per second. Counters of 32 bits begin anew at 2^32, which a gigabit interface reaches in 34 seconds; of more than half a round it
 * cannot be told how many there were, and it is left out. One of 64 bits never comes round: where it went back it was set to zero.
 */
function grown(
  before: number | undefined,
  now: number | undefined,
  kind: CountKind,
  wide: boolean,
  seconds: number,
): number | undefined {
  if (before === undefined || now === undefined) return undefined
  if (now >= before) return (now - before) / seconds
  const isWide = wide && (kind === 'inOctets' || kind === 'outOctets')
  const by = now + 2 ** 32 - before
  return isWide || by > 2 ** 31 ? undefined : by / seconds
}

function speedOf(row: Row): number | undefined {
  const megabits = numberOf(row.megabits)
  if (megabits !== undefined && megabits > 0) return megabits * 1e6
  const speed = numberOf(row.speed)
  return speed !== undefined && speed > 0 && speed < 2 ** 32 - 1 ? speed : undefined
}

/** Ports take their first state while the device starts. */
const startsWithin = 5 * 60 * 100

function linkDown(row: Row, links: string, upFor: number | undefined): number | undefined {
  const [admin, oper] = [numberOf(row.admin), numberOf(row.oper)]
  if (oper === undefined || links === 'none') return undefined
  if (oper === up || oper === dormant || admin !== up) return 0
  if (links === 'all') return 1
  const changed = numberOf(row.changed) ?? 0
  const carried = (numberOf(row.inOctets) ?? 0) + (numberOf(row.outOctets) ?? 0) > 0
  return carried || (changed > startsWithin && (upFor === undefined || changed <= upFor)) ? 1 : 0
}

function numberOf(value: SnmpValue['value'] | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}
