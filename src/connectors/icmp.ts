import { isIP } from 'node:net'
import { systemClock, findAddresses, type FoundAddress } from '../platform/index.ts'
import {
  defineConnector,
  TargetError,
  type IcmpClient,
  type PingRequest,
  type PingSeen,
  type PingWay,
} from '../sdk/index.ts'
import { askByFping } from './icmp/fping.ts'
import { kindsOfThisProcess } from './icmp/permission.ts'
import { askByPing } from './icmp/ping-program.ts'
import { program } from './icmp/programs.ts'
import { SocketPinger } from './icmp/socket-pinger.ts'
import { outOfTime } from './network/failures.ts'
import { withinReach } from './network/reach.ts'
import { hostSetting } from './network/settings.ts'

/**
 * A host by ICMP echo: through sockets of our own where the system permits them, else by fping, which asks many at once, else by the system's ping.
 */
export default defineConnector({
  id: 'icmp',
  title: 'ICMP',
  summary: 'A host that answers to ping.',
  settings: {
    host: hostSetting,
  },
  credentials: [],
  target: ({ host }) => host,
  async reach({ host }, signal) {
    const request = { count: 1, intervalMs: 1_000, timeoutMs: 2_000, size: 56 }
    const { roundTrips } = await new PingTarget(host).ping(request, withinReach(signal))
    if (roundTrips.length === 0) throw new TargetError('timed out', `${host} did not answer to a ping in time`)
  },
  discovery: {
    at: 'host',
    async identify({ host }, signal) {
      const request = { count: 1, intervalMs: 1_000, timeoutMs: 2_000, size: 56 }
      const { roundTrips } = await new PingTarget(host).ping(request, signal)
      if (roundTrips.length === 0) return []
      return [
        {
          name: 'ping',
          title: 'Answers to ping',
          settings: { host },
          seen: 'it answered to a ping',
          certainty: 'identified',
        },
      ]
    },
  },
  open: ({ host }) => new PingTarget(host),
})

class PingTarget implements IcmpClient {
  readonly host: string

  constructor(host: string) {
    this.host = host
  }

  async ping(request: PingRequest, signal: AbortSignal): Promise<PingSeen> {
    if (signal.aborted) throw outOfTime(this.host, 'was not asked')
    const found = await abortable(addressOf(this.host), signal, this.host)
    const seen = (way: PingWay, roundTrips: readonly number[]): PingSeen => ({
      address: found.address,
      way,
      sent: request.count,
      roundTrips,
    })
    const own = await sockets.ping(this.host, found, request, signal)
    if (own !== undefined) return seen('ICMP sockets', own)
    const fping = program('fping')
    if (fping !== undefined)
      return seen('fping', await abortable(askByFping(fping, request, found.address), signal, this.host))
    const ping = program('ping')
    if (ping !== undefined) return seen('ping', await askByPing(ping, this.host, found, request, signal))
    throw new TargetError(
      'configuration',
      'the agent may not open ICMP sockets, and neither fping nor ping is installed on its machine',
    )
  }
}

/** One for all targets of this process; nothing is started before the first ping. */
const sockets = new SocketPinger({
  clock: systemClock,
  kinds: kindsOfThisProcess,
  // What a monitoring process writes there becomes a line of the agent's log.
  say: (line) => process.stderr.write(`${line}\n`),
})

function addressOf(host: string): Promise<FoundAddress> {
  const family = isIP(host)
  if (family === 4 || family === 6) return Promise.resolve({ address: host, family })
  return new Promise((resolve, reject) =>
    findAddresses(host, (error, found) =>
      error === null && found[0] !== undefined
        ? resolve(found[0])
        : reject(new TargetError('unreachable', `the name ${host} was not found`, { cause: error })),
    ),
  )
}

function abortable<T>(work: Promise<T>, signal: AbortSignal, host: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(outOfTime(host, 'sent no answers'))
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
