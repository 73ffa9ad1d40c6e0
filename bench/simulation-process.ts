/** The process of some simulated agents; `simulation.ts` starts it and speaks with it. */
import { setDefaultCACertificates } from 'node:tls'
import { SimulatedAgent, Wheel, emptyTally, type AgentEvent, type Tally } from './simulated-agent.ts'

/** What the process is asked. */
export type Order =
  | {
      readonly is: 'start'
      readonly indices: readonly number[]
      readonly url: string
      readonly fingerprints: readonly string[]
      readonly tellsStored: boolean
      readonly token: string
      readonly holdMs: number
      /** How many begin in a second: a server takes only so many unknown agents from one address. */
      readonly perSecond: number
    }
  | { readonly is: 'tally' }
  | { readonly is: 'stop' }

/** What it says. */
export type Said =
  | { readonly is: 'events'; readonly events: readonly AgentEvent[] }
  | { readonly is: 'tally'; readonly tally: Tally }

export function nameOfAgent(index: number): string {
  return `agent-${index}`
}

/** Events are told in heaps: one message for each of a thousand agents at once would be measured as well. */
const tellMs = 50

function main(): void {
  // Each client reads all authorities of its machine for itself, 100 ms and 1.6 MB of them; here one fingerprint is trusted.
  setDefaultCACertificates([])
  const agents: SimulatedAgent[] = []
  const wheel = new Wheel()
  let tally = emptyTally()
  let events: AgentEvent[] = []
  const say = (said: Said) => process.send?.(said)
  const telling = setInterval(() => {
    if (events.length > 0) say({ is: 'events', events })
    events = []
  }, tellMs)

  const start = (order: Extract<Order, { is: 'start' }>) => {
    const { indices, url, fingerprints, tellsStored, token, holdMs, perSecond } = order
    indices.forEach((index, i) => {
      const agent = new SimulatedAgent({
        index,
        name: nameOfAgent(index),
        url,
        fingerprints,
        tellsStored,
        token,
        holdMs,
        wheel,
        tally: () => tally,
        tell: (event) => void events.push(event),
      })
      agents.push(agent)
      setTimeout(() => agent.start(), (i * 1_000) / perSecond)
    })
  }
  const stop = async () => {
    wheel.stop()
    await Promise.all(agents.map((agent) => agent.stop()))
    clearInterval(telling)
    process.exit(0)
  }

  process.on('message', (order: Order) => {
    switch (order.is) {
      case 'start':
        return start(order)
      case 'tally':
        say({ is: 'tally', tally })
        tally = emptyTally()
        return
      case 'stop':
        void stop()
    }
  })
  // Whoever started it is gone: nobody would ever stop it.
  process.once('disconnect', () => process.exit(1))
}

if (import.meta.main) main()
