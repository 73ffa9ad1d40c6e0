import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../base/index.ts'
import type { LiveEvent } from '../contract/index.ts'
import type { Outcome } from '../model/index.ts'
import type { Principal } from '../access/index.ts'
import { visibleGroups, type Caller } from './route.ts'

const signOfLifeMs = 15_000
/** Results are announced together this often, so that a thousand a second are two messages. */
const gatherMs = 500
/** More tasks than this in one message are not named: ten thousand a second would be all that a portal reads. */
const mostNamed = 500
/** A moving fleet changes all the time; whoever hears of it asks for lists. */
const betweenAgentsMs = 1_000
/** A client that reads too slowly for this much is cut off and connects again; it must not fill the server's memory. */
const mostBufferedBytes = 1024 * 1024
const mostClients = 1_000

interface Client {
  /** The groups it may see at this moment; undefined for all. Ends the client where it may see nothing any more. */
  readonly sees: () => ((group: string) => boolean) | undefined
  readonly send: (event: LiveEvent) => void
  readonly end: () => void
}

/** Streams what happens to everyone who listens, each only what concerns the groups they may see. */
export class LiveEvents {
  readonly #clock: Clock
  readonly #groupOf: (task: string) => string | undefined
  readonly #principalOf: (token: string) => Principal | undefined
  readonly #clients = new Set<Client>()
  #results: Map<string, { task: string; slot: number; outcome: Outcome }> = new Map()
  #gathering = false
  /** Something changed that nobody was told of yet, or nothing did since the last time. */
  #agents: 'quiet' | 'told' | 'waiting' = 'quiet'

  constructor(options: {
    readonly clock: Clock
    readonly groupOf: (task: string) => string | undefined
    /** Whose token that is now: a stream lives longer than what its opener was granted. */
    readonly principalOf: (token: string) => Principal | undefined
  }) {
    this.#clock = options.clock
    this.#groupOf = options.groupOf
    this.#principalOf = options.principalOf
  }

  /** Serves one client until it goes away. */
  stream(request: FastifyRequest, reply: FastifyReply, caller: Caller): void {
    reply.hijack()
    const raw = reply.raw
    if (this.#clients.size >= mostClients) {
      raw.writeHead(503, { 'retry-after': '30' }).end()
      return
    }
    raw.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    })
    raw.write(': live\n\n')
    const write = (text: string) => {
      if (raw.writableLength > mostBufferedBytes) raw.destroy()
      else raw.write(text)
    }
    const client: Client = {
      sees: () => {
        const principal = this.#principalOf(caller.token)
        if (principal === undefined) {
          raw.end()
          return undefined
        }
        const groups = visibleGroups(principal)
        return (group) => groups === undefined || groups.includes(group)
      },
      send: (event) => write(`data: ${JSON.stringify(event)}\n\n`),
      end: () => void raw.end(),
    }
    this.#clients.add(client)
    let cancel = () => undefined as void
    const live = () => {
      if (client.sees() === undefined) return
      write(': live\n\n')
      cancel = this.#clock.after(signOfLifeMs, live)
    }
    cancel = this.#clock.after(signOfLifeMs, live)
    request.raw.once('close', () => {
      cancel()
      this.#clients.delete(client)
    })
  }

  /** Nothing more will happen here: clients are let go, and find out by asking again. */
  stop(): void {
    for (const client of this.#clients) client.end()
    this.#clients.clear()
  }

  alarm(event: Extract<LiveEvent, { is: 'alarm' }>): void {
    for (const client of this.#clients) if (client.sees()?.(event.alarm.group) === true) client.send(event)
  }

  configuration(revision: number): void {
    for (const client of this.#clients) if (client.sees() !== undefined) client.send({ is: 'configuration', revision })
  }

  /** Agents, or what they run, changed. Told at once, and at most once a second. */
  agents(): void {
    if (this.#agents !== 'quiet') {
      this.#agents = 'waiting'
      return
    }
    this.#agents = 'told'
    for (const client of this.#clients) if (client.sees() !== undefined) client.send({ is: 'agents' })
    this.#clock.after(betweenAgentsMs, () => {
      const isWaiting = this.#agents === 'waiting'
      this.#agents = 'quiet'
      if (isWaiting) this.agents()
    })
  }

  /** Many results in one call; told together with those of the next half second. */
  results(entries: Iterable<{ task: string; slot: number; outcome: Outcome }>): void {
    if (this.#clients.size === 0) return
    for (const entry of entries) this.#results.set(entry.task, entry)
    if (this.#gathering) return
    this.#gathering = true
    this.#clock.after(gatherMs, () => {
      this.#gathering = false
      const all = [...this.#results.values()]
      this.#results = new Map()
      for (const client of this.#clients) {
        const sees = client.sees()
        const seen = all.filter(({ task }) => {
          const group = this.#groupOf(task)
          return group !== undefined && sees?.(group) === true
        })
        if (seen.length > mostNamed) client.send({ is: 'results', tasks: seen.slice(0, mostNamed), more: true })
        else if (seen.length > 0) client.send({ is: 'results', tasks: seen })
      }
    })
  }
}
