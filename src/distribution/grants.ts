import type { CancelTimer, Clock } from '../base/index.ts'
import type { Database, Log, Row, Statement } from '../platform/index.ts'

export interface GrantsOptions {
  /** Opened with `distributionSchema`. */
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
}

/** Agents keep results for a day by default, and a spool may be made to last longer: its owner is not refused for being late. */
const keptAfterLeavingMs = 30 * 86_400_000
const tidyEveryMs = 3_600_000
/** Handing a batch to the database's thread holds up the main one by about two microseconds a statement. */
const statementsPerWrite = 5_000

/** What one agent was given. */
interface Given {
  /** What it was given last, and may run as long as it hears nothing else. */
  held: ReadonlySet<string>
  /** What it was given before, and the moment at which it was told otherwise. */
  readonly left: Map<string, number>
  /** Tasks of which the table does not say yet what memory says. */
  readonly unsaved: Set<string>
  /** Its removal is not in the table yet; what is remembered of it since is written after. */
  isRemovalUnsaved: boolean
}

/**
 * Which agent was given which task: an agent's word counts for those alone.
 *
 * Tasks of the last assignment are an agent's own without end, since one that is cut off goes on with them; others for 30 days after they
 * were taken from it, so that what waits in its spool is not refused. Memory answers. What changes is written in batches, one under way
 * at a time. For 1,000 agents with 100 tasks each, on two cores: given all at once 1.0 s, given again 30 ms, asked for each task 30 ms,
 * opened 0.4 s, 21 MB of memory.
 */
export class Grants {
  readonly #options: GrantsOptions
  readonly #agents = new Map<string, Given>()
  readonly #unsaved = new Set<string>()
  /** The write under way, and the one after it, which takes all that is unsaved when it begins. */
  #writing: Promise<void> | undefined
  #next: Promise<void> | undefined
  readonly #underWay = new Set<Given>()
  #tidying: CancelTimer | undefined
  #stopped: Promise<void> | undefined

  /** Use `openGrants`. */
  constructor(options: GrantsOptions, stored: readonly StoredGrant[]) {
    this.#options = options
    const held = new Map<string, Set<string>>()
    for (const { agent, task, left_at: leftAt } of stored) {
      const given = this.#of(agent)
      if (leftAt !== null) given.left.set(task, leftAt)
      else {
        const tasks = held.get(agent)
        if (tasks === undefined) held.set(agent, new Set([task]))
        else tasks.add(task)
      }
    }
    for (const [agent, tasks] of held) this.#of(agent).held = tasks
    this.#tidy()
  }

  /**
   * An assignment is about to be given out: these tasks, and no others, are the agent's from now on. Resolves when that is durable, at once
   * where nothing is new: hand the assignment out then, or a result may come back of which nobody knows any more that it was asked for.
   * @throws FarwatchError `storage-unwritable`. Memory knows it all the same, and it is written with whatever comes next: an assignment
   * may be given out, as a full disk is no reason to leave a system unwatched
   */
  remember(agent: string, tasks: Iterable<string>): Promise<void> {
    const held = new Set(tasks)
    const given = this.#of(agent)
    const at = this.#options.clock.now()
    for (const task of held) {
      if (given.held.has(task)) continue
      given.left.delete(task)
      given.unsaved.add(task)
    }
    for (const task of given.held) {
      if (held.has(task)) continue
      given.left.set(task, at)
      given.unsaved.add(task)
    }
    given.held = held
    if (given.unsaved.size > 0) this.#unsaved.add(agent)
    // Also where another call brought what is not written yet.
    return this.#durable(agent, given)
  }

  /** Whether an agent was given a task, now or up to 30 days ago. */
  owned(agent: string, task: string): boolean {
    const given = this.#agents.get(agent)
    if (given === undefined) return false
    if (given.held.has(task)) return true
    const leftAt = given.left.get(task)
    return leftAt !== undefined && leftAt > this.#options.clock.now() - keptAfterLeavingMs
  }

  /** An agent was removed: nothing is its own any more. Resolves when that is durable. @throws FarwatchError `storage-unwritable` */
  forget(agent: string): Promise<void> {
    const given = this.#agents.get(agent)
    if (given === undefined) return Promise.resolve()
    given.held = new Set()
    given.left.clear()
    given.unsaved.clear()
    given.isRemovalUnsaved = true
    this.#unsaved.add(agent)
    return this.#durable(agent, given)
  }

  /** Resolves when all that was remembered is written, or could not be. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop())
  }

  async #stop(): Promise<void> {
    this.#tidying?.()
    this.#tidying = undefined
    await (this.#next ?? this.#writing)?.catch(() => undefined)
    if (this.#unsaved.size > 0) await this.#save().catch((thrown: unknown) => this.#complain(thrown))
  }

  #of(agent: string): Given {
    let given = this.#agents.get(agent)
    if (given === undefined) {
      given = { held: new Set(), left: new Map(), unsaved: new Set(), isRemovalUnsaved: false }
      this.#agents.set(agent, given)
    }
    return given
  }

  #durable(agent: string, given: Given): Promise<void> {
    if (this.#unsaved.has(agent)) return this.#save()
    // It may be what is being written just now.
    return this.#underWay.has(given) ? this.#writing! : Promise.resolve()
  }

  /** All that is unsaved goes together, after what is being written. */
  #save(): Promise<void> {
    if (this.#next !== undefined) return this.#next
    const next: Promise<void> = (this.#writing ?? Promise.resolve())
      // Whoever waits for the write before was told of its failure.
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        this.#writing = next
        return this.#write()
      })
      .finally(() => {
        if (this.#writing === next) this.#writing = undefined
      })
    this.#next = next
    return next
  }

  async #write(): Promise<void> {
    while (this.#unsaved.size > 0) await this.#writeSome()
  }

  async #writeSome(): Promise<void> {
    const taken: { agent: string; given: Given; tasks: readonly string[]; isRemovalUnsaved: boolean }[] = []
    let statements = 0
    for (const agent of this.#unsaved) {
      if (statements >= statementsPerWrite) break
      const given = this.#of(agent)
      const { isRemovalUnsaved, unsaved } = given
      taken.push({ agent, given, tasks: [...unsaved], isRemovalUnsaved })
      statements += unsaved.size + 1
      unsaved.clear()
      given.isRemovalUnsaved = false
      this.#unsaved.delete(agent)
    }
    for (const { given } of taken) this.#underWay.add(given)
    try {
      await this.#options.database.write(
        taken.flatMap(({ agent, given, tasks, isRemovalUnsaved }) => [
          ...(isRemovalUnsaved ? [deleteAgent(agent)] : []),
          ...tasks.map((task) => saveGrant(agent, task, given)),
        ]),
      )
      for (const { agent, given } of taken)
        if (given.held.size + given.left.size === 0 && !this.#unsaved.has(agent)) this.#agents.delete(agent)
    } catch (thrown) {
      for (const { agent, given, tasks, isRemovalUnsaved } of taken) {
        for (const task of tasks) given.unsaved.add(task)
        given.isRemovalUnsaved ||= isRemovalUnsaved
        this.#unsaved.add(agent)
      }
      throw thrown
    } finally {
      this.#underWay.clear()
    }
  }

  /** What left an agent long ago is forgotten. */
  #tidy(): void {
    const before = this.#options.clock.now() - keptAfterLeavingMs
    for (const [agent, given] of this.#agents) {
      for (const [task, leftAt] of given.left) {
        if (leftAt > before) continue
        given.left.delete(task)
        given.unsaved.add(task)
        this.#unsaved.add(agent)
      }
    }
    if (this.#unsaved.size > 0) this.#save().catch((thrown: unknown) => this.#complain(thrown))
    this.#tidying = this.#options.clock.after(tidyEveryMs, () => this.#tidy())
  }

  #complain(thrown: unknown): void {
    this.#options.log.error('who was given which task could not be stored', { error: thrown })
  }
}

interface StoredGrant extends Row {
  readonly agent: string
  readonly task: string
  /** Null while the agent has it. */
  readonly left_at: number | null
}

export async function openGrants(options: GrantsOptions): Promise<Grants> {
  const stored = await options.database.read<StoredGrant>('SELECT agent, task, left_at FROM distribution_grant')
  return new Grants(options, stored)
}

function saveGrant(agent: string, task: string, { held, left }: Given): Statement {
  const leftAt = left.get(task)
  if (!held.has(task) && leftAt === undefined)
    return { sql: 'DELETE FROM distribution_grant WHERE agent = $agent AND task = $task', params: { agent, task } }
  return {
    sql: `INSERT INTO distribution_grant (agent, task, left_at) VALUES ($agent, $task, $left)
          ON CONFLICT (agent, task) DO UPDATE SET left_at = excluded.left_at`,
    params: { agent, task, left: leftAt ?? null },
  }
}

function deleteAgent(agent: string): Statement {
  return { sql: 'DELETE FROM distribution_grant WHERE agent = $agent', params: { agent } }
}
