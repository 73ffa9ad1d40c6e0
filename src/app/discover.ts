import { messageOf } from '../base/index.ts'
import type { Discovered, FoundConnector } from '../model/index.ts'
import { findAddresses } from '../platform/index.ts'
import type { AnyConnector, DiscoveryPlace, Library } from '../sdk/index.ts'

/**
 * How many connections are tried at the same time. Connectors know some 900 ports together, most of them of SAP instances by number: a firewall that
 * drops everything takes 15 seconds of the whole so.
 */
const parallelConnects = 64
const connectMs = 1_000
const parallelQuestions = 8
const questionMs = 5_000
const wholeMs = 60_000
const mostFound = 300
const mostProblems = 50

/**
 * Looks at one host from this machine: tries the TCP ports that connectors listen on by default, and lets each connector say what is
 * there. Read-only, without credentials, and bounded in time and in what it brings back.
 */
export async function discoverHost(host: string, library: Library, stopped: AbortSignal): Promise<Discovered> {
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(wholeMs)])
  // Once, rather than for each port.
  const address = await new Promise<string | undefined>((resolve) =>
    findAddresses(host, (_, [first]) => resolve(first?.address)),
  )
  if (address === undefined) return { tried: 0, open: [], found: [], problems: [`the name ${host} was not found`] }

  const connectors = [...library.connectors.values()].filter(({ discovery }) => discovery !== undefined)
  const ports = [...new Set(connectors.flatMap(tcpPorts))].sort((a, b) => a - b)
  const reach = library.connectors.get('tcp')?.reach
  const open: number[] = []
  await inParallel(ports, parallelConnects, async (port) => {
    if (reach === undefined || signal.aborted) return
    const patience = AbortSignal.any([signal, AbortSignal.timeout(connectMs)])
    // Closed and silent are the same here: nobody to ask.
    await reach({ host: address, port }, patience).then(
      () => open.push(port),
      () => undefined,
    )
  })
  open.sort((a, b) => a - b)

  const found: FoundConnector[] = []
  const problems: string[] = []
  const spoken = new Set<number>()
  const ask = async ({ connector, place }: Question) => {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(questionMs)])
    try {
      const proposals = (await connector.discovery?.identify(place, patience)) ?? []
      if (proposals.length > 0) spoken.add(place.port)
      found.push(...proposals.map((proposal): FoundConnector => ({ type: connector.id, ...proposal })))
    } catch (thrown) {
      const where = place.port === 0 ? '' : ` at port ${place.port}`
      problems.push(`${connector.title}${where}: ${messageOf(thrown).slice(0, 500)}`)
    }
  }
  const questions = connectors.flatMap((connector) => questionsTo(connector, host, open))
  const isFallback = ({ connector }: Question) => connector.discovery?.isFallback === true
  await inParallel(
    questions.filter((one) => !isFallback(one)),
    parallelQuestions,
    ask,
  )
  await inParallel(
    questions.filter((one) => isFallback(one) && !spoken.has(one.place.port)),
    parallelQuestions,
    ask,
  )
  if (signal.aborted) problems.push('not everything was looked at in time')
  return {
    address,
    tried: ports.length,
    open,
    found: found.slice(0, mostFound),
    problems: problems.slice(0, mostProblems),
  }
}

interface Question {
  readonly connector: AnyConnector
  readonly place: DiscoveryPlace
}

function tcpPorts({ discovery }: AnyConnector): readonly number[] {
  return discovery === undefined || discovery.at === 'host' ? [] : (discovery.at.tcp ?? [])
}

function questionsTo(connector: AnyConnector, host: string, open: readonly number[]): readonly Question[] {
  const { discovery } = connector
  if (discovery === undefined) return []
  const { at } = discovery
  if (at === 'host') return [{ connector, place: { host, port: 0 } }]
  const { tcp = [], udp = [] } = at
  const ports = [...tcp.filter((port) => open.includes(port)), ...udp]
  return ports.map((port) => ({ connector, place: { host, port } }))
}

async function inParallel<T>(all: readonly T[], most: number, act: (one: T) => Promise<void>): Promise<void> {
  const left = [...all]
  const work = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await act(next)
  }
  await Promise.all(Array.from({ length: Math.min(most, left.length) }, work))
}
