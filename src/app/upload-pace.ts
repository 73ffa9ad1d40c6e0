/** Up to so many agents send each result as soon as they have it. */
const unpacedAgents = 10
/**
 * Uploads that all others together should begin in a second. With more, what a result costs the server grew with the number of agents: 500
 * results a second of 50 agents came in 384 uploads, and took twice the CPU of those of five (docs/performance.md).
 */
const uploadsPerSecond = 100
/** An agent that has more than this to send at once does so without a pause: it is catching up, and its uploads are worth what they cost. */
const smallBatch = 100
/** So much later than on a server with few agents a result may be stored, and an alarm be raised. */
const longestPaceMs = 4_000
/** Storing a result takes tens of milliseconds. A server that needs longer than this has more to do than it can. */
const slowMs = 1_000
/** Such a server asks for a pause of so many times what it needed, so that it hears less often and of more at once. */
const slowTimes = 3
const longestSlowPaceMs = 10_000

/**
 * How long an agent should gather results before its next upload. One upload costs a server as much as storing dozens of results (a request
 * over TLS, a signature, unpacking), so that a thousand agents that send each result by itself would keep two cores busy with that alone.
 * @param agents how many are connected
 * @param entries in the upload that is being answered
 * @param tookMs from its arrival until it was stored
 */
export function uploadPaceMs(agents: number, entries: number, tookMs: number): number {
  if (entries > smallBatch) return 0
  const paceMs = Math.min(longestPaceMs, (Math.max(0, agents - unpacedAgents) * 1_000) / uploadsPerSecond)
  return tookMs < slowMs ? paceMs : Math.max(paceMs, Math.min(longestSlowPaceMs, slowTimes * tookMs))
}
