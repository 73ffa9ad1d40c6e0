import type { FailoverFacts, FailoverQuestions, HandOverReport, PairNow } from '../api/index.ts'
import { FarwatchError, messageOf } from '../base/index.ts'
import {
  DrillSchedule,
  Drills,
  checkSetUp,
  switchOver,
  type DrillReport,
  type ForcePrice,
  type Pair,
  type PairProblem,
  type PairSettings,
  type SetUpStep,
  type SetUpWays,
} from '../failover/index.ts'
import { systemDisk } from '../platform/index.ts'
import { beforeDrill, drillCounts, type BeforeDrill, type CountedServer } from './drill-counts.ts'
import type { Machine } from './machine.ts'
import type { PairEvents } from './pair-events.ts'
import type { PairExchange } from './pair-exchange.ts'
import type { PairHost } from './pair-host.ts'
import type { ServerEngines } from './server-engines.ts'

/** What a hand-over may take until whoever asked for it is told that it was not taken. */
const handOverMs = 60_000

/** What is known of the other side beside what the pair goes by. */
export interface KnownPeer {
  /** Of the key with which the SECONDARY signs, on the PRIMARY. */
  readonly fingerprint: string | undefined
  /** Where it is reached, as it said or was set. */
  readonly url: string | undefined
  readonly ways: SetUpWays
  /** Why the last poll of the SECONDARY was refused, on the PRIMARY. */
  readonly refusedPoll: string | undefined
  /** What is wrong with its copy. */
  readonly problems: readonly PairProblem[]
}

export interface PairQuestionsParts {
  readonly machine: Machine
  readonly host: PairHost
  readonly pair: Pair
  readonly exchange: Pick<PairExchange, 'parts'>
  readonly events: Pick<PairEvents, 'record'>
  /** The engines that act. @throws FarwatchError `not-in-this-role` where none do */
  readonly engines: () => ServerEngines
  readonly peer: () => KnownPeer
  /** `PairRole.beginWriting` */
  readonly beginWriting: () => Promise<void>
  readonly signal: AbortSignal
}

/** What people ask of a pair and have it do, the drills among it. */
export class PairQuestions implements FailoverQuestions {
  readonly #parts: PairQuestionsParts
  readonly #drills: Drills
  readonly #schedule: DrillSchedule
  #beforeDrill: BeforeDrill = { at: 0, runs: 0 }

  private constructor(parts: PairQuestionsParts, drills: Drills) {
    const { machine, pair } = parts
    this.#parts = parts
    this.#drills = drills
    this.#schedule = new DrillSchedule({
      clock: machine.clock,
      log: machine.log,
      pair,
      settings: () => {
        const { failoverDrillDays, failoverDrillHour } = machine.settings.values
        return { everyDays: failoverDrillDays, hour: failoverDrillHour }
      },
      lastAt: async () => drills.list()[0]?.startedAt,
      run: () => this.drill('schedule'),
    })
  }

  static async open(parts: PairQuestionsParts): Promise<PairQuestions> {
    const { machine, pair, signal } = parts
    const drills = await Drills.open({
      clock: machine.clock,
      pair,
      signal,
      setUp: () => questions.#setUp(),
      count: async (from, to) => {
        await pair.carried()
        return drillCounts(questions.#counted(), questions.#beforeDrill, from, to)
      },
      disk: systemDisk,
      path: machine.directory.file('drills.json'),
      log: machine.log,
    })
    const questions = new PairQuestions(parts, drills)
    return questions
  }

  start(): void {
    this.#schedule.start()
  }

  /** May be called twice. */
  async stop(): Promise<void> {
    await this.#schedule.stop()
  }

  now(): PairNow {
    const { pair, host, peer } = this.#parts
    const { role } = pair.settings()
    const notActive = pair.notActive()
    const isThere = pair.state().peer?.acts === true
    return {
      role,
      state: pair.shown(),
      term: pair.term(),
      notActive,
      activeUrl: notActive === undefined ? host.ownUrl() : isThere ? peer().url : undefined,
    }
  }

  async status(): Promise<FailoverFacts> {
    const { pair, exchange, machine, peer } = this.#parts
    const { directory, log } = machine
    const parts = await exchange.parts().catch((thrown: unknown) => {
      log.warn('replication not looked at', { problem: messageOf(thrown) })
      return {}
    })
    const { fingerprint: peerFingerprint, refusedPoll, problems } = peer()
    const status = pair.status()
    const shown = {
      ...status,
      pollProblem: status.pollProblem ?? refusedPoll,
      problems: [...status.problems, ...problems],
    }
    return { pair: shown, parts, setUp: this.#setUp(), ownUuid: directory.uuid, peerFingerprint }
  }

  #setUp(): readonly SetUpStep[] {
    const { pair, host, machine, peer } = this.#parts
    const { settings, pollProblem } = pair.status()
    const { registry } = host.engines()?.fleet ?? {}
    const { fingerprint, ways } = peer()
    return checkSetUp(settings, pair.state(), {
      ownUuid: machine.directory.uuid,
      peerFingerprint: fingerprint,
      pollProblem,
      remoteAgents: registry?.agents().filter(({ registration }) => registration === 'ACCEPTED').length ?? 0,
      ways,
    })
  }

  async set(given: Partial<PairSettings>, by: string): Promise<void> {
    const { pair, host, events, machine, beginWriting } = this.#parts
    const before = pair.settings()
    const checked = await pair.set(given, {
      ownUuid: machine.directory.uuid,
      ownUrls: [host.ownUrl(), host.localUrl()],
      isServer: true,
    })
    if (!checked.ok)
      throw new FarwatchError('invalid-value', 'these settings of the pair do not go together; nothing was changed', {
        problems: checked.problems,
        hint: checked.problems[0]?.hint ?? '',
      })
    await pair.carried()
    if (before.role !== 'NONE' && checked.value.role === 'NONE' && pair.notActive() === undefined)
      await host.inTurn(() => beginWriting())
    await events.record({ who: by, action: 'failover set', what: 'failover', before, after: checked.value })
    host.changed()
  }

  async handOver(by: string): Promise<HandOverReport> {
    const { pair, machine, signal } = this.#parts
    machine.log.info('hand-over asked for', { by })
    const { active, term, ms } = await switchOver({ clock: machine.clock, pair, signal }, handOverMs)
    await pair.carried()
    return { active, term, ms }
  }

  forcePrice(): ForcePrice {
    return this.#parts.pair.forcePrice()
  }

  async force(by: string): Promise<void> {
    const { pair, events } = this.#parts
    await pair.force()
    await events.record({ who: by, action: 'failover forced', what: 'failover', after: { term: pair.term() } })
    await pair.carried()
  }

  async drill(by: string): Promise<DrillReport> {
    this.#beforeDrill = await beforeDrill(this.#counted())
    return this.#drills.run(by)
  }

  async drills(): Promise<readonly DrillReport[]> {
    return this.#drills.list()
  }

  #counted(): CountedServer {
    const { machine, host, engines } = this.#parts
    return { machine, clock: machine.clock, history: host.history(), engines: engines() }
  }
}
