import {
  TargetError,
  type Closable,
  type Discovery,
  type Proposal,
  type SapControlClient,
  type SapControlRead,
  type SapRow,
} from '../../sdk/index.ts'
import { reachPort } from '../network/reach.ts'

/** What a proposal says; the rest is the default. */
interface Way {
  readonly host: string
  readonly instance: number
  readonly tls: 'verify' | 'require' | 'off'
}

type Open = (way: Way) => SapControlClient & Closable

const numbers = Array.from({ length: 100 }, (_, nn) => nn)

/** Instances by their number, and from each of them the others of its system. */
export function sapDiscovery(open: Open): Discovery {
  return {
    at: { tcp: numbers.flatMap((nn) => [50_013 + 100 * nn, 50_014 + 100 * nn]) },
    async identify({ host, port }, signal) {
      const instance = Math.floor((port - 50_000) / 100)
      const secure = port % 100 === 14
      // One instance, two doors: where the plain one is open as well, it is that one which proposes.
      if (secure && (await isOpen(host, port - 1, signal))) return []
      const ways: Way['tls'][] = secure || (await isOpen(host, port + 1, signal)) ? ['verify', 'require'] : []
      for (const tls of [...ways, ...(secure ? [] : (['off'] as const))]) {
        const found = await ask({ host, instance, tls }, open, signal)
        if (found !== undefined) return found
      }
      return []
    },
  }
}

/** A firewall that lets one of the two through drops what goes to the other: it must not use up the time for the question. */
const neighbourMs = 1_000

async function isOpen(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  return reachPort({ host, port }, AbortSignal.any([signal, AbortSignal.timeout(neighbourMs)])).then(
    () => true,
    () => false,
  )
}

/** The proposals that an instance gives rise to; undefined where no start service answers on that way. */
async function ask(way: Way, open: Open, signal: AbortSignal): Promise<readonly Proposal[] | undefined> {
  const client = open(way)
  try {
    await client.read('GetProcessList', signal)
    const properties = await rowsOf(client, 'GetInstanceProperties', signal)
    const others = await rowsOf(client, 'GetSystemInstanceList', signal)
    return proposalsOf(way, properties, others)
  } catch (thrown) {
    if (!(thrown instanceof TargetError) || signal.aborted) throw thrown
    // It wants a user even for its process list.
    return thrown.reason === 'credentials' ? proposalsOf(way, [], []) : undefined
  } finally {
    await client.close?.()
  }
}

/** What is not answered makes the proposal poorer, not less true. */
async function rowsOf<O extends SapControlRead>(
  client: SapControlClient,
  operation: O,
  signal: AbortSignal,
): Promise<readonly SapRow<O>[]> {
  try {
    const answer = await client.read(operation, signal)
    return answer.is === 'answered' ? answer.rows : []
  } catch (thrown) {
    if (thrown instanceof TargetError && !signal.aborted) return []
    throw thrown
  }
}

const mostInstances = 50

function proposalsOf(
  way: Way,
  properties: readonly SapRow<'GetInstanceProperties'>[],
  list: readonly SapRow<'GetSystemInstanceList'>[],
): readonly Proposal[] {
  const text = (name: string) => properties.find(({ property }) => property === name)?.value ?? undefined
  const sid = text('SAPSYSTEMNAME')?.slice(0, 20)
  const localHost = text('SAPLOCALHOST') ?? way.host
  const system = sid === undefined ? {} : { system: sid }
  const ofSystem = sid === undefined ? '' : ` of ${sid}`
  const untrusted = way.tls === 'require' ? ', its certificate is not trusted' : ''
  const first: Proposal = {
    name: `sap-${twoDigits(way.instance)}`,
    title: `SAP instance ${text('INSTANCE_NAME')?.slice(0, 40) ?? twoDigits(way.instance)}${ofSystem} on ${localHost.slice(0, 200)}${untrusted}`,
    settings: settingsOf(way),
    seen: `the start service of instance ${twoDigits(way.instance)} answered`,
    certainty: 'identified',
    credential: 'basic',
    ...system,
  }
  const others = list.slice(0, mostInstances).flatMap((row): Proposal[] => {
    const instance = Number(row.instanceNr ?? Number.NaN)
    const host = row.hostname ?? ''
    if (!numbers.includes(instance) || !/^[A-Za-z0-9][A-Za-z0-9.-]{0,200}$/.test(host)) return []
    if (instance === way.instance && host === localHost) return []
    return [
      {
        name: `sap-${host}-${twoDigits(instance)}`,
        title: `SAP instance ${twoDigits(instance)}${ofSystem} on ${host} (${(row.features ?? '').replaceAll('|', ', ').slice(0, 200)})`,
        settings: settingsOf({ host, instance, tls: way.tls }),
        seen: `named by the start service of instance ${twoDigits(way.instance)} on ${localHost.slice(0, 200)}`,
        certainty: 'identified',
        credential: 'basic',
        ...system,
      },
    ]
  })
  return [first, ...others]
}

function settingsOf({ host, instance, tls }: Way): Readonly<Record<string, unknown>> {
  return { host, ...(instance === 0 ? {} : { instance }), ...(tls === 'verify' ? {} : { tls }) }
}

function twoDigits(instance: number): string {
  return String(instance).padStart(2, '0')
}
