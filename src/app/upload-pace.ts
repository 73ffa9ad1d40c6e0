/** Up to so many agents send each result as soon as they have it. */
const unpacedAgents = 100
/** Uploads that all others together should begin in a second. */
const uploadsPerSecond = 200
/** An agent that has more than this to send at once does so without a pause: it is catching up, and its uploads are worth what they cost. */
const smallBatch = 100
/** So much later than on a server with few agents a result may be stored, and an alarm be raised. */
const longestPaceMs = 2_000

/**
 * How long an agent should gather results before its next upload. One upload costs a server as much as storing dozens of results (a request
 * over TLS, a signature, unpacking), so that a thousand agents that send each result by itself would keep two cores busy with that alone.
 * @param agents how many are connected
 * @param entries in the upload that is being answered
 */
export function uploadPaceMs(agents: number, entries: number): number {
  if (entries > smallBatch) return 0
  return Math.min(longestPaceMs, (Math.max(0, agents - unpacedAgents) * 1_000) / uploadsPerSecond)
}
