import { rowsOf } from './account.ts'
import { counterPath, countingDocument, type CountingGroup, type CountingTarget } from './counting-target.ts'
import type { HookReceiver } from './hook-receiver.ts'
import { until, type TestInstance } from './instance.ts'
import type { Pair } from './pair.ts'

export interface PairLoadOptions {
  readonly pair: Pair
  readonly target: CountingTarget
  readonly hook: HookReceiver
  /** Names of the agents. */
  readonly agents: readonly string[]
  /** Tasks of `acme`. */
  readonly tasks: number
}

/**
 * What a pair has to do in stories: of the group `acme` every request counts, tasks of `bell` fail when they are told to, so that alarms are raised before
 * a takeover, amid it and after it, and a hook is told of them.
 */
export class PairLoad {
  readonly #options: PairLoadOptions

  private constructor(options: PairLoadOptions) {
    this.#options = options
  }

  /** Resolves when all of it runs. */
  static async start(options: PairLoadOptions): Promise<PairLoad> {
    const { pair, target, hook, agents, tasks } = options
    const [acme, bell] = [countingDocument(target.url, tasks), countingDocument(target.url, 3, { group: 'bell' })]
    await pair.primary.call('applyConfiguration', {
      query: {},
      body: {
        profiles: acme.profiles,
        groups: [...acme.groups.map((group) => pinned(group, agents)), ...bell.groups],
        associations: ['acme', 'bell'].map((group) => ({ group, agents })),
        plugins: [{ name: 'hook', plugin: 'webhook', settings: { url: hook.url }, sends: ['alarms'] }],
      },
    })
    const load = new PairLoad(options)
    await load.ran(pair.primary, Date.now())
    return load
  }

  /** Waits until a server has a run of every task of `acme` that was due after a moment. */
  async ran(server: TestInstance, after: number): Promise<void> {
    await until(
      'everything ran',
      () => rowsOf(server),
      (rows) =>
        rows.size === this.#options.tasks &&
        [...rows.values()].every((all) => all.some(({ slot, startedAt }) => startedAt !== null && slot > after)),
    )
  }

  /** Has a task of `bell` fail, or be well again. */
  ring(connector: string, isFailing: boolean): void {
    const path = counterPath('bell', connector)
    if (isFailing) this.#options.target.failing.add(path)
    else this.#options.target.failing.delete(path)
  }

  bells(server: TestInstance) {
    return server.call('listAlarms', { query: { group: 'bell' } })
  }

  /** Waits until an alarm of a connector is open at a server. @returns its id */
  async rung(server: TestInstance, connector: string): Promise<string> {
    const all = await until(
      `${connector} has an alarm`,
      () => this.bells(server),
      (alarms) => alarms.some((alarm) => alarm.connector === connector && alarm.state === 'raised'),
    )
    return all.find((alarm) => alarm.connector === connector && alarm.state === 'raised')!.id
  }

  /** Waits until no alarm of `bell` is open. */
  async bellsSettle(server: TestInstance): Promise<void> {
    await until(
      'no alarm is open',
      () => this.bells(server),
      (all) => all.every(({ state }) => state === 'cleared'),
    )
  }

  /** Waits until a step of an alarm was told. */
  async told(what: string): Promise<void> {
    await until(
      `${what} was told`,
      async () => [...this.#options.hook.told('bell').keys()],
      (all) => all.includes(what),
    )
  }

  /** Steps of the alarms that a server has which were not told under one key, once that was awaited. */
  async notTold(server: TestInstance): Promise<readonly string[]> {
    const { hook } = this.#options
    const alarms = (await this.bells(server)).filter(({ connector }) => connector !== '')
    const steps = alarms.flatMap(({ id, state }) => [`${id} raised`, ...(state === 'cleared' ? [`${id} cleared`] : [])])
    const left = () => {
      const keys = Map.groupBy(hook.notices, ({ alarm, event }) => `${alarm.id} ${event}`)
      return steps.filter((step) => new Set(keys.get(step)?.map(({ key }) => key)).size !== 1)
    }
    return until(
      'all was told',
      async () => left(),
      (all) => all.length === 0,
      20_000,
    ).catch(left)
  }
}

/**
 * Halves of the connectors of a group each with one agent: one that is on its way from agent to agent when their server dies is run by both, and its
 * requests could not be held against its results.
 */
function pinned(group: CountingGroup, agents: readonly string[]): CountingGroup {
  const systems = group.systems.map((system) => ({
    ...system,
    connectors: system.connectors.map((connector, i) => ({ ...connector, pin: agents[i % agents.length]! })),
  }))
  return { ...group, systems }
}
