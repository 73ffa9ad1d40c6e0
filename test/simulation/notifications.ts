import type { History } from '../../src/app/history.ts'
import type { Delivery } from '../../src/delivery/index.ts'
import type { AlarmEvent, RunResult } from '../../src/model/index.ts'
import type { Database } from '../../src/platform/index.ts'
import { definePlugin, type AnyPlugin } from '../../src/sdk/index.ts'
import type { Program } from './machine.ts'
import type { World } from './world.ts'

/** One notification that reached the receiver. */
export interface Received {
  readonly key: string
  /** Which server sent it, and in which of the times in which that one acted. */
  readonly by: string
  readonly acting: number
  /** True time. */
  readonly at: number
}

/** Where notifications go. It counts: of one that honours the key by keys, of one that does not by calls. */
export class CountingReceiver {
  readonly received: Received[] = []
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** The plugin of one server, which takes a moment to send. Whoever dies meanwhile has sent, or has not. */
  pluginOf(program: Program, acting: number): AnyPlugin {
    const { name, world } = program.machine
    return definePlugin({
      id: 'counting',
      title: 'Counting receiver',
      summary: 'Counts.',
      settings: {},
      honoursIdempotencyKey: true,
      alarm: ({ key }) =>
        new Promise((resolve) => {
          world.after(world.between(1, 50), () => {
            this.received.push({ key, by: name, acting, at: world.at })
            this.#world.tell(name, `notified ${key}`)
            world.after(world.between(1, 50), () => program.do(() => resolve({ delivered: true })))
          })
        }),
    })
  }
}

/** Whether a run is an alarm: about every third is, whatever it measured, so that short stories have some. */
export function isNotable({ slot }: { readonly slot: number }): boolean {
  return Math.floor(slot / 5_000) % 3 === 0
}

export function keyOf({ task, slot }: { readonly task: string; readonly slot: number }): string {
  return `${task}-${slot}`
}

const readEvery = 200
const lookEveryMs = 1_000

/**
 * Judges results as the alarms do: in the order of the log, with what follows from them and the position in one batch. Some runs
 * are alarms here, of which nothing is known but the slot.
 */
export class Judge {
  readonly #options: {
    readonly program: Program
    readonly history: History
    readonly database: Database
    readonly delivery: Delivery
  }
  #judging: Promise<void> | undefined
  #isStopped = false
  readonly #unlisten: () => void

  constructor(options: {
    readonly program: Program
    readonly history: History
    readonly database: Database
    readonly delivery: Delivery
  }) {
    this.#options = options
    this.#unlisten = options.history.onStored(() => this.#look())
    this.#lookLater()
  }

  #lookLater(): void {
    this.#options.program.after(lookEveryMs, () => {
      if (this.#isStopped) return
      this.#look()
      this.#lookLater()
    })
  }

  #look(): void {
    if (this.#isStopped) return
    // What cannot be written now is judged at the next look. `stop` awaits it.
    this.#judging ??= this.#judge()
      .catch(() => undefined)
      .finally(() => (this.#judging = undefined))
  }

  async #judge(): Promise<void> {
    const { history, database, delivery } = this.#options
    const [row] = await database.read<{ position: number }>('SELECT position FROM judged')
    for (let after = row?.position ?? 0; !this.#isStopped;) {
      const batches = await history.read(after, readEvery)
      const last = batches.at(-1)
      if (last === undefined || this.#isStopped) return
      const events = batches.flatMap(({ entries }) =>
        entries.flatMap((entry) => (entry.kind === 'run' && isNotable(entry) ? [eventOf(entry)] : [])),
      )
      await database.write([
        ...delivery.statementsFor(events),
        {
          sql: 'UPDATE judged SET position = $position WHERE position = $after',
          params: { position: last.position, after },
          expect: 1,
        },
      ])
      after = last.position
      if (events.length > 0) delivery.wake()
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#unlisten()
    await this.#judging
  }
}

function eventOf(run: RunResult): AlarmEvent {
  const { task, slot: at } = run
  return {
    key: keyOf(run),
    event: 'raised',
    at,
    alarm: {
      id: keyOf(run),
      severity: 'MAJOR',
      state: 'raised',
      group: '',
      system: '',
      connector: '',
      task,
      monitor: 'counter',
      rule: 'notable',
      item: '',
      metric: 'run',
      value: 1,
      message: 'a run that is to be told',
      raisedAt: at,
      updatedAt: at,
      clearedAt: null,
      acknowledgedBy: null,
      assignedTo: null,
    },
  }
}
