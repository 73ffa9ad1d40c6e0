import type { Assignment, GapRecord, RunResult, SpoolEntry, UploadAnswer, UploadBatch } from '../../src/model/index.ts'
import type { MemoryDisk } from '../../src/platform/index.ts'
import type { World } from './world.ts'

/** A time in which an agent had to account for every slot of a task; by server time, as the agent knew it. */
export interface Duty {
  readonly agent: string
  readonly task: string
  readonly from: number
  until: number | undefined
}

/** A run that has ended, while the agent's program lived. */
export interface Ended {
  readonly agent: string
  readonly life: number
  readonly task: string
  readonly slot: number
  /** True time. */
  readonly at: number
}

/** An agent about which it was said that nothing of it is left. */
export interface Drained {
  readonly agent: string
  readonly life: number
  /** True time; `until` its work was given back. */
  readonly at: number
  until: number
  readonly unsafe: number
}

/** A moment at which an agent began again, by a clock that was so far from the truth when it said for how long it was away. */
export interface Seam {
  readonly agent: string
  readonly at: number
  readonly errorMs: number
}

/** A slot or stretch whose outcome an agent was told to be stored. */
export interface Acknowledged {
  readonly agent: string
  readonly spool: string
  readonly position: number
  readonly entry: SpoolEntry
}

/** Times are true time. */
export interface Death {
  readonly at: number
  /** Whether its disk could be written then. */
  readonly isDiskWell: boolean
  /** When its machine had stood still: nothing gets to the disk meanwhile. */
  readonly stood: readonly { readonly from: number; readonly until: number }[]
}

/** What the checker is to hold against the server's store: written down while things happen, by nobody who takes part. */
export class Evidence {
  readonly #world: World
  readonly duties: Duty[] = []
  readonly seams: Seam[] = []
  /** When an agent found that its time had been wrong, and by how much. Server time. */
  readonly corrections: Seam[] = []
  readonly ended: Ended[] = []
  readonly drained: Drained[] = []
  /** By agent and life. */
  readonly deaths = new Map<string, Death>()
  /** Whether so many agents were lost together that the placement waited. */
  wasMassLoss = false
  readonly acknowledgedEntries: Acknowledged[] = []
  /** How often a run was announced as one that counts, by `task slot`. */
  readonly announced = new Map<string, number>()
  readonly #tasksOf = new Map<string, readonly string[]>()
  /** What nobody was told about yet, by position. */
  readonly #sent = new Map<string, Map<number, SpoolEntry>>()
  /** By agent: what it has to account for now, by task. */
  readonly #open = new Map<string, Map<string, Duty>>()

  constructor(world: World) {
    this.#world = world
  }

  tell(who: string, what: string): void {
    this.#world.tell(who, what)
  }

  // --- Duties

  assigned(agent: string, { version, tasks }: Assignment): void {
    this.#tasksOf.set(
      `${agent} ${version}`,
      tasks.map(({ id }) => id),
    )
  }

  applied(agent: string, version: string, at: number, knowsTime: boolean): void {
    const tasks = new Set(this.#tasksOf.get(`${agent} ${version}`))
    this.#world.tell(agent, `applied ${version}: ${[...tasks].join(' ')}`)
    const open = this.#openOf(agent)
    for (const [task, duty] of open) {
      if (tasks.has(task)) continue
      duty.until = at
      open.delete(task)
    }
    if (!knowsTime) return
    for (const task of tasks) {
      if (open.has(task)) continue
      const duty: Duty = { agent, task, from: at, until: undefined }
      this.duties.push(duty)
      open.set(task, duty)
    }
  }

  /** What the next life can know it has to account for is what the disk says; of the rest nobody can be asked. */
  died(agent: string, life: number, disk: MemoryDisk, death: Omit<Death, 'at'>): void {
    this.deaths.set(`${agent} ${life}`, { ...death, at: this.#world.at })
    const known = knownTasks(disk)
    const open = this.#openOf(agent)
    for (const [task, duty] of open) {
      if (known.has(task)) continue
      duty.until = duty.from
      open.delete(task)
    }
  }

  /** The agent starts with a clock that was set while it was away: until a server answers it cannot know for how long it was. */
  lostTime(agent: string, at: number): void {
    const open = this.#openOf(agent)
    for (const duty of open.values()) duty.until = at
    open.clear()
  }

  // --- Results

  ranAt(agent: string, life: number, result: RunResult): void {
    this.ended.push({ agent, life, task: result.task, slot: result.slot, at: this.#world.at })
    this.#world.tell(agent, `ran ${result.task} slot ${result.slot}: ${result.outcome}`)
  }

  leftOut(agent: string, gap: GapRecord): void {
    this.#world.tell(agent, `left out ${gap.task} slots ${gap.from} to ${gap.to}: ${gap.reason}`)
  }

  sent({ agent, spool, from, entries }: UploadBatch): void {
    const key = `${agent} ${spool}`
    let known = this.#sent.get(key)
    if (known === undefined) this.#sent.set(key, (known = new Map()))
    for (const [i, entry] of entries.entries()) known.set(from + i, entry)
  }

  acknowledged({ agent, spool, from, entries }: UploadBatch, answer: UploadAnswer): void {
    this.#world.tell(agent, `stored ${from} to ${from + entries.length}, acknowledged ${answer.acknowledged}`)
    const key = `${agent} ${spool}`
    const sent = this.#sent.get(key)
    for (const [position, entry] of sent ?? []) {
      if (position >= answer.acknowledged && (position < from || position >= from + entries.length)) continue
      sent!.delete(position)
      this.acknowledgedEntries.push({ agent, spool, position, entry })
    }
  }

  counted({ entries }: { readonly entries: readonly SpoolEntry[] }): void {
    for (const entry of entries) {
      if (entry.kind !== 'run') continue
      const key = `${entry.task} ${entry.slot}`
      this.announced.set(key, (this.announced.get(key) ?? 0) + 1)
    }
  }

  #openOf(agent: string): Map<string, Duty> {
    let open = this.#open.get(agent)
    if (open === undefined) this.#open.set(agent, (open = new Map()))
    return open
  }
}

function knownTasks(disk: MemoryDisk): ReadonlySet<string> {
  const text = disk.peek('/spool/tasks.json')
  if (text === undefined) return new Set()
  // Written by the agent itself, in the form of `known-tasks.ts`.
  const { tasks } = JSON.parse(String(text)) as { tasks: readonly (readonly [string])[] }
  return new Set(tasks.map(([id]) => id))
}
