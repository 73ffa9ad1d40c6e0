import { defineMonitor, type Item, type SnmpClient, type SnmpValue } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { excludeSetting, includeSetting, selectionProblems, selects } from './formats/selection.ts'

const processorLoad = '1.3.6.1.2.1.25.3.3.1.2'
const storage = '1.3.6.1.2.1.25.2.3.1'
const storageTypes = '1.3.6.1.2.1.25.2.1'
const load = '1.3.6.1.4.1.2021.10.1.5'
const one = {
  processes: '1.3.6.1.2.1.25.1.6.0',
  users: '1.3.6.1.2.1.25.1.5.0',
  uptime: '1.3.6.1.2.1.25.1.1.0',
  swapTotal: '1.3.6.1.4.1.2021.4.3.0',
  swapFree: '1.3.6.1.4.1.2021.4.4.0',
  memoryTotal: '1.3.6.1.4.1.2021.4.5.0',
  memoryFree: '1.3.6.1.4.1.2021.4.6.0',
  memoryBuffers: '1.3.6.1.4.1.2021.4.14.0',
  memoryCached: '1.3.6.1.4.1.2021.4.15.0',
} as const

/** A machine by what its SNMP agent says: HOST-RESOURCES-MIB, which most have, and that of net-snmp (UCD) where it is. */
export default defineMonitor({
  id: 'snmp.host',
  title: 'Machine by SNMP',
  summary: 'Processors, memory, swap, load, storage, processes and uptime of a machine by SNMP.',
  connector: 'snmp',
  settings: {
    storage: { ...includeSetting('Storage', 'Mount points or drives.'), candidates: true },
    excludeStorage: {
      ...excludeSetting('Storage left out', 'Mount points or drives.'),
      default: ['/run*', '/dev/shm*', '/sys/*', '/proc/*', '/snap/*', '/var/lib/docker/*'],
      candidates: true,
    },
  },
  metrics: {
    cpu: { title: 'Processors busy, of all', unit: '%' },
    memory_used: { title: 'Memory in use, without what can be given back', unit: '%' },
    memory_total: { title: 'Memory', unit: 'B' },
    swap_used: { title: 'Swap in use', unit: '%' },
    load1: { title: 'Load, 1 minute', unit: '' },
    load5: { title: 'Load, 5 minutes', unit: '' },
    load15: { title: 'Load, 15 minutes', unit: '' },
    storage_used: { title: 'Storage in use', unit: '%', items: ['storage'] },
    storage_size: { title: 'Size of the storage', unit: 'B', items: ['storage'] },
    processes: { title: 'Processes', unit: '' },
    users: { title: 'Users signed in', unit: '' },
    uptime: { title: 'Time since the machine started', unit: 's' },
  },
  period: '1m',
  timeout: '30s',
  tested: 'real server',
  thresholdsFrom: 'As for Linux by SSH: processors and memory 90 and 95 %, storage 85 and 95 %.',
  rules: [
    { name: 'cannot measure', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'processors busy', metric: 'cpu', thresholds: { WARNING: '> 90%', MAJOR: '> 95%' }, for: '15m' },
    { name: 'memory full', metric: 'memory_used', thresholds: { WARNING: '> 90%', CRITICAL: '> 95%' }, for: '5m' },
    { name: 'swap full', metric: 'swap_used', thresholds: { WARNING: '> 80%', CRITICAL: '> 95%' }, for: '5m' },
    { name: 'storage full', metric: 'storage_used', thresholds: { WARNING: '> 85%', CRITICAL: '> 95%' } },
    { name: 'machine restarted', metric: 'uptime', thresholds: { INFO: '< 5m' } },
  ],
  needs: 'A community or a user that may read 1.3.6.1.2.1.25, and 1.3.6.1.4.1.2021 of net-snmp.',
  grant: '# /etc/snmp/snmpd.conf\nview systemonly included .1.3.6.1.2.1.25\nview systemonly included .1.3.6.1.4.1.2021',
  tryIt: 'Fill a file system of the machine (`fallocate -l 10G /var/tmp/full`) and remove the file again.',
  optIn: 'Only machines have processors, memory and storage to tell of; a switch or a printer has none.',
  check: ({ storage: include, excludeStorage }, path) => selectionProblems({ storage: include, excludeStorage }, path),
  async candidates(_, { client, signal }) {
    const drives = (await readStorage(client, signal)).filter(({ kind }) => kind === 'disk').map(({ name }) => name)
    return { storage: drives, excludeStorage: drives }
  },
  async collect({ storage: include, excludeStorage }, { client, signal }) {
    const single = await client.get(Object.values(one), signal)
    const value = (name: keyof typeof one) => numberOf(single.get(one[name]))
    const processors = (await client.walk(processorLoad, 2_000, signal)).values
      .map(numberOf)
      .filter((busy) => busy !== undefined)
    const loads = (await client.walk(load, 3, signal)).values.map(numberOf)
    const stores = await readStorage(client, signal)
    const isWanted = selects(include, excludeStorage)
    const drives = stores.filter(({ kind, name }) => kind === 'disk' && isWanted(name))
    const memory = memoryOf(value) ?? stores.find(({ kind }) => kind === 'memory')
    const swap = swapOf(value) ?? stores.find(({ kind, name }) => kind === 'virtual' && /swap/i.test(name))
    const share = ({ used, size }: Store) => (100 * used) / size
    const perDrive = (of: (store: Store) => number): Item[] =>
      drives.map((store) => ({ labels: { storage: store.name }, value: of(store) }))
    const seen = single.size + processors.length + loads.length + stores.length
    return {
      metrics: measured({
        cpu:
          processors.length === 0
            ? undefined
            : Math.min(100, processors.reduce((sum, busy) => sum + busy, 0) / processors.length),
        memory_used: memory === undefined ? undefined : share(memory),
        memory_total: memory?.size,
        swap_used: swap === undefined ? undefined : share(swap),
        load1: hundredth(loads[0]),
        load5: hundredth(loads[1]),
        load15: hundredth(loads[2]),
        storage_used: perDrive(share),
        storage_size: perDrive(({ size }) => size),
        processes: value('processes'),
        users: value('users'),
        uptime: hundredth(value('uptime')),
      }),
      ...(seen > 0
        ? {}
        : {
            failure: {
              reason: 'configuration' as const,
              message: `${client.target} shows neither HOST-RESOURCES-MIB nor that of net-snmp to this user`,
            },
          }),
    }
  },
})

interface Store {
  readonly kind: 'disk' | 'memory' | 'virtual' | 'other'
  readonly name: string
  /** Bytes; more than none. */
  readonly size: number
  readonly used: number
}

async function readStorage(client: SnmpClient, signal: AbortSignal): Promise<Store[]> {
  const column = async (number: number) => {
    const base = `${storage}.${number}`
    const { values } = await client.walk(base, 500, signal)
    return new Map(values.map((seen) => [seen.oid.slice(base.length + 1), seen]))
  }
  const kinds = await column(2)
  const names = await column(3)
  const units = await column(4)
  const sizes = await column(5)
  const used = await column(6)
  const stores: Store[] = []
  const seen = new Set<string>()
  for (const [index, kind] of kinds) {
    const unit = numberOf(units.get(index))
    const size = amount(numberOf(sizes.get(index)))
    const taken = amount(numberOf(used.get(index)))
    if (unit === undefined || unit <= 0 || size === undefined || size <= 0 || taken === undefined) continue
    const name = nameOf(String(names.get(index)?.value ?? index))
    if (seen.has(name)) continue
    seen.add(name)
    stores.push({ kind: kindOf(String(kind.value)), name, size: size * unit, used: Math.min(size, taken) * unit })
  }
  return stores
}

/** Windows writes `C:\ Label:System  Serial Number 1a2b3c`: the drive is enough, and a name that stays. */
function nameOf(description: string): string {
  return (/^([A-Z]:\\)/.exec(description)?.[1] ?? description).trim().slice(0, 200)
}

function kindOf(type: string): Store['kind'] {
  const number = type.startsWith(`${storageTypes}.`) ? type.slice(storageTypes.length + 1) : ''
  // Fixed disks; removable ones and network drives are not the machine's own.
  return number === '4' ? 'disk' : number === '2' ? 'memory' : number === '3' ? 'virtual' : 'other'
}

/** Counted in 32 bits with a sign that nobody means: of 8 TiB in blocks of 4 KiB on, it comes out negative. */
function amount(count: number | undefined): number | undefined {
  return count === undefined ? undefined : count < 0 ? count + 2 ** 32 : count
}

type Value = (name: keyof typeof one) => number | undefined

function memoryOf(value: Value): Store | undefined {
  const [total, free] = [value('memoryTotal'), value('memoryFree')]
  if (total === undefined || total <= 0 || free === undefined) return undefined
  const givenBack = (value('memoryBuffers') ?? 0) + (value('memoryCached') ?? 0)
  return { kind: 'memory', name: '', size: total * 1024, used: Math.max(0, total - free - givenBack) * 1024 }
}

function swapOf(value: Value): Store | undefined {
  const [total, free] = [value('swapTotal'), value('swapFree')]
  if (total === undefined || total <= 0 || free === undefined) return undefined
  return { kind: 'virtual', name: '', size: total * 1024, used: Math.max(0, total - free) * 1024 }
}

function hundredth(count: number | undefined): number | undefined {
  return count === undefined ? undefined : count / 100
}

function numberOf(value: SnmpValue | undefined): number | undefined {
  return typeof value?.value === 'number' ? value.value : undefined
}
