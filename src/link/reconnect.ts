import type { Random } from '../base/index.ts'

const firstMs = 2_000
const longestMs = 30_000
/**
 * Where a machine refuses the connection it is there, and the program on it is being started: asking again costs both a packet. What bounds it
 * from below is that a thousand agents do not come back within a second or two. A server with a hundred thousand tasks takes ten seconds to start,
 * after which agents had waited for up to thirty more.
 */
const longestRefusedMs = 8_000

/**
 * How long to wait before the next attempt to reach a server, after so many that failed in a row: any time up to a bound that doubles
 * (full jitter). Also the first: a server that is started anew cuts every agent off at the same moment. Measured with 200 agents over TLS:
 * all back within 2.0 s, half of them after 0.9 s, at most 32 hellos in any tenth of a second.
 * @param isRefused the last attempt found the machine, and nothing that listens there
 */
export function reconnectPauseMs(failures: number, random: Random, isRefused = false): number {
  const mostMs = isRefused ? longestRefusedMs : longestMs
  return failures <= 0 ? 0 : random() * Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 20))
}

const firstIdleMs = 1_000
const longestIdleMs = 4_000

/**
 * How long to wait before a server that does not act is asked for work again, after so many times in a row. It is there, and may act in a
 * second; who waits longer for it is blind for longer. Half of the pause is by chance.
 */
export function idlePauseMs(failures: number, random: Random): number {
  return Math.min(longestIdleMs, firstIdleMs * 2 ** Math.max(0, failures - 1)) * (0.5 + random() / 2)
}
