import { accessSync, constants } from 'node:fs'
import { isIP } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock, findAddresses, type FoundAddress } from '../platform/index.ts'
import { defineConnector, TargetError, type IcmpClient, type PingRequest, type PingSeen } from '../sdk/index.ts'
import { runProgram } from './exec.ts'
import { outOfTime } from './network/failures.ts'
import { parseFping, parsePing } from './network/ping-output.ts'
import { withinReach } from './network/reach.ts'
import { hostSetting } from './network/settings.ts'

/** A host by ICMP echo. Datagram ICMP sockets are refused by default on Linux, so the system's programs ask. */
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
    const fping = program('fping')
    if (fping !== undefined) return abortable(together(fping, request, found.address), signal, this.host)
    const ping = program('ping')
    if (ping === undefined)
      throw new TargetError('configuration', 'neither fping nor ping is installed on the agent’s machine')
    const seen = await runProgram(ping, pingArguments(request, found), 64 * 1024, signal)
    if (/not permitted|permission denied/i.test(seen.stderr))
      throw new TargetError(
        'configuration',
        'the agent may not use ping (the program needs the capability cap_net_raw)',
      )
    if (/unreachable/i.test(seen.stderr)) throw new TargetError('unreachable', `no route to ${this.host}`)
    return { address: found.address, sent: request.count, roundTrips: parsePing(seen.stdout).slice(0, request.count) }
  }
}

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

function pingArguments(
  { count, intervalMs, timeoutMs, size }: PingRequest,
  { address, family }: FoundAddress,
): string[] {
  if (process.platform === 'win32')
    return ['-n', String(count), '-w', String(timeoutMs), '-l', String(size), family === 6 ? '-6' : '-4', address]
  const wait = process.platform === 'darwin' ? String(timeoutMs) : (timeoutMs / 1000).toFixed(3)
  const interval = (Math.max(200, intervalMs) / 1000).toFixed(3)
  return ['-n', '-c', String(count), '-i', interval, '-W', wait, '-s', String(size), address]
}

const places = new Map<string, { readonly path: string | undefined; readonly at: number }>()
const lookAgainMs = 60_000

/** Where a program is; looked up once a minute, so that installing fping takes effect by itself. */
function program(name: string): string | undefined {
  const known = places.get(name)
  const at = systemClock.elapsed()
  if (known !== undefined && at - known.at < lookAgainMs) return known.path
  const file = process.platform === 'win32' ? `${name}.exe` : name
  const path = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/bin',
    '/bin',
    '/usr/sbin',
    '/sbin',
    '/usr/local/bin',
  ]
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, file))
    .find(isRunnable)
  places.set(name, { path, at })
  return path
}

function isRunnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Requests of one kind that fall together are asked by one fping: starting a program costs more than its packets. */
interface Round {
  readonly addresses: Set<string>
  readonly seen: Promise<ReturnType<typeof parseFping>>
}

const rounds = new Map<string, Round>()
/** At 400 pings a second 100 ms instead of 20 took 0.78 ms of CPU of each to 0.60; a run holds its place for as long, so half of that. */
const gatherMs = 50
const maxPerRound = 200

async function together(fping: string, request: PingRequest, address: string): Promise<PingSeen> {
  const key = `${request.count} ${request.intervalMs} ${request.timeoutMs} ${request.size}`
  let round = rounds.get(key)
  if (round === undefined || round.addresses.size >= maxPerRound) {
    const addresses = new Set<string>()
    const begun: Round = {
      addresses,
      seen: runRound(fping, request, addresses, () => rounds.get(key) === begun && rounds.delete(key)),
    }
    round = begun
    rounds.set(key, round)
  }
  round.addresses.add(address)
  const seen = (await round.seen).get(address)
  return { address, sent: request.count, roundTrips: seen?.roundTrips.slice(0, request.count) ?? [] }
}

async function runRound(
  fping: string,
  { count, intervalMs, timeoutMs, size }: PingRequest,
  addresses: ReadonlySet<string>,
  close: () => void,
): Promise<ReturnType<typeof parseFping>> {
  // Not the clock's timer, which would let the program end while nothing else is open.
  await delay(gatherMs)
  close()
  const args = [
    '-q',
    '-C',
    String(count),
    '-p',
    String(Math.max(10, intervalMs)),
    '-t',
    String(timeoutMs),
    '-i',
    '1',
    '-b',
    String(size),
  ]
  // A member that gives up early does not end the round for the others; the round ends by itself.
  const limit = AbortSignal.timeout(count * intervalMs + timeoutMs + maxPerRound * 5 + 5_000)
  const seen = await runProgram(fping, [...args, ...addresses], 4 * 1024 * 1024, limit)
  const roundTrips = parseFping(seen.stderr)
  if (roundTrips.size === 0) {
    const why = seen.stderr.split('\n')[0]?.slice(0, 200) ?? ''
    throw new TargetError('configuration', `fping gave no result: ${why || `it ended with ${seen.exit}`}`)
  }
  return roundTrips
}
