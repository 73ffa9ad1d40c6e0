import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../platform/index.ts'
import type { PingRequest } from '../../sdk/index.ts'
import { kindsOfThisProcess } from './permission.ts'
import type { Pinging } from './pinging/testing.ts'
import { SocketPinger } from './socket-pinger.ts'

// Round trips are the machine's own affair; a busy one takes its time, so that limits are far off here, and what is lost is what nobody answers.
const request: PingRequest = { count: 3, intervalMs: 10, timeoutMs: 10_000, size: 56 }
const never = new AbortController().signal
const four = (address: string) => ({ address, family: 4 as const })

const permitted = kindsOfThisProcess().length > 0
/** Root may make a network with nobody else in it. There are kernels and containers without the right. */
const mayUnshare = spawnSync('unshare', ['--net', 'true']).status === 0
if (process.env['CI'] === 'true' && process.platform === 'linux' && !(permitted && mayUnshare))
  throw new Error('these stories need the right to open ICMP sockets and to make a network')

let away = 0
const said: string[] = []
const pingers: SocketPinger[] = []

function pinger(kinds = kindsOfThisProcess): SocketPinger {
  const clock = { ...systemClock, elapsed: () => systemClock.elapsed() + away }
  const made = new SocketPinger({ clock, kinds, say: (line) => said.push(line) })
  pingers.push(made)
  return made
}

afterEach(async () => {
  await Promise.all(pingers.splice(0).map((one) => one.stop()))
  said.length = 0
})

const hosts = Array.from({ length: 200 }, (_, i) => `127.0.${1 + (i % 3)}.${1 + i}`)

test.skipIf(!permitted)('two hundred hosts at once answer each packet, long ones too', async () => {
  const one = pinger()
  const counts = async (asked: PingRequest) => {
    const trips = await Promise.all(hosts.map((host) => one.ping(host, four(host), asked, never)))
    return new Set(trips.map((of) => of?.length))
  }
  const short = await counts(request)
  const long = await counts({ ...request, size: 9_000 })
  expect([short, long, said]).toEqual([new Set([3]), new Set([3]), []])
})

test.skipIf(!permitted)('fifty packets to one host come back in order, each with a time', async () => {
  const trips = await pinger().ping('me', four('127.0.0.1'), { ...request, count: 50 }, never)
  expect([trips?.length, trips?.every((trip) => trip >= 0 && trip < request.timeoutMs)]).toEqual([50, true])
})

test.skipIf(!permitted)('the address of any address is this machine, as the system has it', async () => {
  expect(await pinger().ping('0.0.0.0', four('0.0.0.0'), request, never)).toHaveLength(3)
})

test.skipIf(!permitted)('whoever asked may stop asking, also before the thread has started', async () => {
  const one = pinger()
  const stop = new AbortController()
  const stopped = one.ping('db1', four('127.0.0.1'), { ...request, count: 50, intervalMs: 60_000 }, stop.signal)
  stop.abort()
  const first = await stopped.catch(String)
  await one.ping('db1', four('127.0.0.1'), request, never)
  const again = new AbortController()
  const underWay = one.ping('db1', four('127.0.0.1'), { ...request, count: 50, intervalMs: 60_000 }, again.signal)
  await one.ping('db1', four('127.0.0.1'), request, never)
  again.abort()
  expect([first, await underWay.catch(String)]).toEqual([
    'TargetError: db1 sent no answers in time',
    'TargetError: db1 sent no answers in time',
  ])
})

test.skipIf(!permitted)('a thread that was ended is started anew by the next ping', async () => {
  const one = pinger()
  const before = await one.ping('db1', four('127.0.0.1'), request, never)
  const underWay = one.ping('db1', four('127.0.0.1'), { ...request, count: 50, intervalMs: 60_000 }, never)
  await one.stop()
  await one.stop()
  const after = await one.ping('db1', four('127.0.0.1'), request, never)
  expect([before?.length, await underWay, after?.length]).toEqual([3, undefined, 3])
})

test('where the system does not permit it nothing is started, and another way is taken', async () => {
  expect([await pinger(() => []).ping('db1', four('127.0.0.1'), request, never), said]).toEqual([undefined, []])
})

test.skipIf(process.platform !== 'linux')('what fails is said once, and tried again after a while', async () => {
  let tries = 0
  const one = pinger(() => {
    tries++
    // None that there is: the system refuses it, as it may refuse one that ought to be permitted.
    return ['none' as 'raw']
  })
  const ask = () => one.ping('db1', four('127.0.0.1'), request, never)
  const seen = [await ask(), await ask()]
  const triedAtFirst = tries
  away += 60_000
  seen.push(await ask())
  expect([seen, triedAtFirst, tries, said.length]).toEqual([[undefined, undefined, undefined], 1, 2, 1])
})

/** A process that is started reads all sources anew. */
const patience = 60_000

/** A network in which some are lost, some have no route, and IPv6 is there where the kernel has it. */
const network = [
  'ip link set lo up',
  'ip route add 10.9.0.0/24 dev lo',
  'ip route add blackhole 10.10.0.1/32',
  'ip route add unreachable 10.10.0.2/32',
  'ip route add prohibit 10.10.0.3/32',
]
const forAll = 'echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range'

async function alone(
  setup: readonly string[],
  pinging: Pinging,
  nodeOptions = '',
): Promise<{ out: string; code: number }> {
  const script = [...setup, 'exec "$@"'].join(' && ')
  const child = fileURLToPath(new URL('pinging/testing.ts', import.meta.url))
  const command = ['--net', 'sh', '-c', script, 'sh', process.execPath, child, JSON.stringify(pinging)]
  return promisify(execFile)('unshare', command, { env: { ...process.env, NODE_OPTIONS: nodeOptions } }).then(
    ({ stdout }) => ({ out: stdout, code: 0 }),
    // What execFile rejects with: an error that bears what was written and the exit code.
    (failed: { stdout: string; stderr: string; code: number }) => ({
      out: failed.stdout + failed.stderr,
      code: failed.code,
    }),
  )
}

const asked = [
  { to: '127.0.0.1' },
  { to: '::1' },
  { to: '127.0.0.2', size: 9_000 },
  { to: '::1', size: 9_000 },
  { to: '10.9.0.7', timeoutMs: 100 },
  { to: '10.10.0.1' },
  { to: '10.10.0.2' },
  { to: '10.10.0.3' },
  { to: '192.0.2.1' },
  { to: '2001:db8::1' },
]
const went = [
  '3 of 3',
  '3 of 3',
  '3 of 3',
  '3 of 3',
  '0 of 3',
  'TargetError: no route to 10.10.0.1',
  'TargetError: no route to 10.10.0.2',
  'TargetError: this machine does not allow pings to 10.10.0.3 (EACCES)',
  'TargetError: no route to 192.0.2.1',
  'TargetError: no route to 2001:db8::1',
]
test.skipIf(!mayUnshare).each([
  ['raw', network],
  ['datagram', [...network, forAll]],
] as const)(
  '%s sockets, in a network of their own',
  async (kind, setup) => {
    const { out, code } = await alone(setup, { kinds: [kind], pings: asked })
    expect([JSON.parse(out), code]).toEqual([{ seen: went, said: [] }, 0])
  },
  patience,
)

test.skipIf(!mayUnshare)(
  'a kind that is refused is done without where there is another, and said where there is none',
  async () => {
    const pings = [{ to: '127.0.0.1' }]
    const told = await Promise.all([
      alone(network, { kinds: ['datagram', 'raw'], pings }),
      alone(network, { kinds: ['datagram'], pings }),
    ])
    expect(told.map(({ out }) => JSON.parse(out) as unknown)).toEqual([
      { seen: ['3 of 3'], said: [] },
      {
        seen: ['another way'],
        said: ['ping goes without ICMP sockets of its own for now: the system refuses ICMP sockets (EACCES)'],
      },
    ])
  },
  patience,
)

/** As it is where npm had no binary for the machine, and left the package out. */
const withoutKoffi = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  registerHooks({
    resolve(name, about, next) {
      if (name === 'koffi') throw new Error('there is no koffi')
      return next(name, about)
    },
  })
`)}`

test.skipIf(!mayUnshare)(
  'without the package that calls the system another way is taken',
  async () => {
    const pinging: Pinging = { kinds: ['raw'], pings: [{ to: '127.0.0.1' }] }
    const { out, code } = await alone(network, pinging, `--import=${withoutKoffi}`)
    expect([JSON.parse(out), code]).toEqual([
      { seen: ['another way'], said: ['ping goes without ICMP sockets of its own for now: there is no koffi'] },
      0,
    ])
  },
  patience,
)

test.skipIf(!mayUnshare)(
  'a process ends at once while a ping is under way',
  async () => {
    const { code } = await alone(network, { kinds: ['raw'], pings: [{ to: '127.0.0.1' }], leaveDuring: '10.9.0.7' })
    expect(code).toBe(7)
  },
  patience,
)
