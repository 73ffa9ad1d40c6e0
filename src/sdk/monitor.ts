import type { Problem } from '../base/index.ts'
import type { Facts, FailureReason, Labels, RuleDocument, Sample, Unit } from '../model/index.ts'
import type { ConnectorClients, ConnectorType } from './clients/index.ts'
import type { ChosenFromTarget, Params, SettingsOf } from './params.ts'

export interface MetricDeclaration {
  readonly title: string
  readonly unit: Unit
  /** A counter only grows, but for restarts of what counts; charts and rules look at its rate. Default `gauge`. */
  readonly kind?: 'gauge' | 'counter'
  /** The label names that tell its items apart, such as `['mount']`. None: the metric has one value. */
  readonly items?: readonly string[]
}

/** One value of a metric that has several: `{ labels: { mount: '/var' }, value: 81.2 }`. */
export interface Item {
  readonly labels: Labels
  readonly value: number
}

/**
 * What one run gathered. A metric that could not be measured is left out; it is not 0.
 * Where `failure` is set the run counts as failed, and what was gathered up to then is kept all the same.
 */
export interface Gathered<M extends string> {
  readonly metrics: { readonly [K in M]?: number | readonly Item[] }
  /** Values whose names the user or the target chose; only where the monitor declares `openMetrics`. */
  readonly more?: readonly Sample[]
  readonly facts?: Facts
  /** One line for people about a run that went well. */
  readonly message?: string
  readonly failure?: { readonly reason: FailureReason; readonly message: string }
}

export interface CollectContext<C extends ConnectorType> {
  /**
   * Opened for this connector, perhaps shared with its other tasks; never closed by the monitor. For a monitor of several types it is what
   * their clients have in common: a `SqlClient` for databases.
   */
  readonly client: ConnectorClients[C]
  /** Aborted at the task's timeout and when the agent stops. Pass it to every slow call. */
  readonly signal: AbortSignal
  /** The slot, epoch milliseconds of server time. */
  readonly plannedAt: number
  /** Server time now, epoch milliseconds. */
  readonly now: () => number
  /** What the run before remembered, for rates; undefined on the first run here. JSON, at most 64 KiB. */
  readonly previous: unknown
  /** Hands a JSON value to the next run of this task on this agent. May be forgotten at any time. */
  remember(value: unknown): void
}

export interface MonitorDeclaration<
  P extends Params = Params,
  M extends string = string,
  C extends ConnectorType = ConnectorType,
> {
  /** `family.area` in lower case; the same as the file's name. Never changes: configurations name it. */
  readonly id: string
  readonly title: string
  /** One sentence: what it measures. */
  readonly summary: string
  /** The connector type it runs on, or those: `['hana', 'postgresql']`. */
  readonly connector: C | readonly C[]
  readonly settings: P
  readonly metrics: Readonly<Record<M, MetricDeclaration>>
  /** Says that further metrics appear whose names the user or the target chooses, and where they come from. */
  readonly openMetrics?: string
  /** Default period: `1m`. */
  readonly period: string
  /** Default timeout of one run: `10s`. */
  readonly timeout: string
  /** The surveillance table a profile gets that names the monitor without rules. At least one row. */
  readonly rules: readonly RuleDocument[]
  /** Programs the agent's machine must have, or privileges on the target, in words for the reference page. */
  readonly needs?: string
  /** The least privileges on the target as they are pasted there: SQL, a profile line, a policy. */
  readonly grant?: string
  /** Where the default thresholds come from: a vendor's document, a public exporter, or our own judgement. */
  readonly thresholdsFrom?: string
  /** How to see it work: a command line, or what to do to the target so that a rule raises. */
  readonly tryIt?: string
  /**
   * Why it is in no default profile although it needs no settings: what it costs the target, or what it fails without. Somebody has to choose it.
   */
  readonly optIn?: string
  /** It runs on the target what a user wrote. It is assigned only in groups whose administrator has allowed that, and agents refuse it elsewhere. */
  readonly runsCommands?: true
  /** What stands behind it: tests against the real server, on data recorded from one, or on the published shape of its answers alone. */
  readonly tested: 'real server' | 'recorded data' | 'schema only'
  /** What is wrong with settings that are right one by one: names that clash, a pattern that cannot be read. Pure; `path` begins the problems' paths. */
  check?(settings: SettingsOf<P>, path: string): readonly Problem[]
  /**
   * What there is to choose from on the target, for each setting that declares `candidates`, for people who fill in the form. Sees the other
   * settings as given; those may not be what `check` allows. As `collect`, it only reads, and throws TargetError.
   */
  candidates?(
    settings: Omit<SettingsOf<P>, ChosenFromTarget<P>>,
    context: Pick<CollectContext<C>, 'client' | 'signal'>,
  ): Promise<{ readonly [K in ChosenFromTarget<P>]?: readonly string[] }>
  /** Gathers, judges nothing. Throws TargetError (clients do) where the target cannot be measured. */
  collect(settings: SettingsOf<P>, context: CollectContext<C>): Promise<Gathered<M>>
}

/** Declares a monitor. The one declaration types `collect`, checks configuration, draws the form, writes the reference page. */
export function defineMonitor<const P extends Params, const M extends string, const C extends ConnectorType>(
  declaration: Omit<MonitorDeclaration<P, M, C>, 'collect' | 'check' | 'candidates'> & {
    check?(settings: SettingsOf<P>, path: string): readonly Problem[]
    candidates?(
      settings: Omit<SettingsOf<P>, ChosenFromTarget<P>>,
      context: Pick<CollectContext<C>, 'client' | 'signal'>,
    ): Promise<{ readonly [K in ChosenFromTarget<P>]?: readonly string[] }>
    collect(settings: SettingsOf<P>, context: CollectContext<C>): Promise<Gathered<NoInfer<M>>>
  },
): AnyMonitor {
  const { connector, ...rest } = declaration
  const connectors: readonly ConnectorType[] = Array.isArray(connector) ? connector : [connector]
  // The library holds monitors of all shapes; the runner calls `collect` only with settings checked against this very declaration.
  return { ...rest, connectors } as unknown as AnyMonitor
}

/** A monitor as the library holds it: its settings were checked elsewhere, so their shape is open here. */
export interface AnyMonitor extends Omit<MonitorDeclaration, 'collect' | 'check' | 'candidates' | 'connector'> {
  /** The connector types it runs on; at least one. */
  readonly connectors: readonly ConnectorType[]
  candidates?(
    settings: Readonly<Record<string, unknown>>,
    context: Pick<CollectContext<ConnectorType>, 'client' | 'signal'>,
  ): Promise<Readonly<Record<string, readonly string[] | undefined>>>
  check?(settings: Readonly<Record<string, unknown>>, path: string): readonly Problem[]
  collect(
    settings: Readonly<Record<string, unknown>>,
    context: CollectContext<ConnectorType>,
  ): Promise<Gathered<string>>
}
