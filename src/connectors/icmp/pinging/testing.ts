import { isIP } from 'node:net'
import { systemClock } from '../../../platform/index.ts'
import type { PingRequest } from '../../../sdk/index.ts'
import { SocketPinger } from '../socket-pinger.ts'
import type { SocketKind } from '../system.ts'

// Pings from a process of its own, which a test puts into a network of its own: node testing.ts '{"kinds": …, "pings": …}' prints how each went,
// one line of JSON. It ends by itself, or with code 7 while a ping is under way where it is told to.

export interface Pinging {
  readonly kinds: readonly SocketKind[]
  readonly pings: readonly (Partial<PingRequest> & { readonly to: string })[]
  readonly leaveDuring?: string
}

const { kinds, pings, leaveDuring } = JSON.parse(process.argv[2]!) as Pinging
const said: string[] = []
const pinger = new SocketPinger({ clock: systemClock, kinds: () => kinds, say: (line) => said.push(line) })
const never = new AbortController().signal

async function outcome({ to, ...asked }: Pinging['pings'][number]): Promise<string> {
  const request = { count: 3, intervalMs: 10, timeoutMs: 5_000, size: 56, ...asked }
  try {
    const trips = await pinger.ping(to, { address: to, family: isIP(to) as 4 | 6 }, request, never)
    return trips === undefined ? 'another way' : `${trips.length} of ${request.count}`
  } catch (thrown) {
    return String(thrown)
  }
}

const seen = await Promise.all(pings.map(outcome))
process.stdout.write(`${JSON.stringify({ seen, said })}\n`)
if (leaveDuring !== undefined) {
  void outcome({ to: leaveDuring, count: 50, intervalMs: 5_000 })
  process.exit(7)
}
