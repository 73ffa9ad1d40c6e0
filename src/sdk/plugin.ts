import type { Checked, Problem } from '../base/index.ts'
import type { AlarmEvent, Labels } from '../model/index.ts'
import { checkSettings, type Params, type SettingsOf } from './params.ts'

export const pluginFeeds = ['alarms', 'metrics', 'reports'] as const
export type PluginFeed = (typeof pluginFeeds)[number]

/** What became of one delivery. Whoever delivered knows whether trying again can help. */
export type DeliveryOutcome =
  | { readonly delivered: true; readonly detail?: string }
  /** `afterMs`: the receiver said when to come back. `message` never holds a secret. */
  | { readonly delivered: false; readonly retry: boolean; readonly afterMs?: number; readonly message: string }

/** One value of one series with all labels that say where it is from (group, system, connector, monitor, …). */
export interface MetricPoint {
  readonly name: string
  readonly labels: Labels
  /** Epoch milliseconds. */
  readonly at: number
  readonly value: number
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** At most 64 KiB of it. */
  readonly body: string
  /** How long the receiver asks to be left alone (`Retry-After`, seconds or a date), in milliseconds; absent where it does not ask. */
  readonly retryAfterMs?: number
}

/** How a request proves who it is from. */
export type HttpAuthorization = { readonly username: string; readonly password: string } | { readonly bearer: string }

/** The world as a plugin may touch it. */
export interface PluginContext {
  /** The same on every repeat of one delivery, from either server of a pair. */
  readonly idempotencyKey: string
  readonly signal: AbortSignal
  /** Where the portal is reached, for links; empty where nobody has said. */
  readonly portalUrl: string
  /** Somebody pressed "send a test": what is delivered must not be taken for a real alarm. */
  readonly test: boolean
  /** Rejects with an Error whose message names the host and what went wrong; answers of any status resolve. Follows no redirects. */
  http(request: {
    url: string
    method: string
    headers?: Readonly<Record<string, string>>
    body?: string | Uint8Array
    authorization?: HttpAuthorization
    /** Default true. */
    verifyCertificate?: boolean
    /** Until the answer has come whole. Default: as long as the attempt may take. */
    timeoutMs?: number
  }): Promise<HttpAnswer>
  /** Sends one mail by SMTP. Rejects with an Error that bears the server's `responseCode` where there was one. */
  mail(
    server: {
      host: string
      port: number
      security: 'none' | 'starttls' | 'tls'
      verifyCertificate: boolean
      username?: string
      password?: string
    },
    message: {
      from: string
      to: readonly string[]
      subject: string
      text: string
      html?: string
      /** `<…@…>`; the same on every repeat, so that mail servers can drop it. */
      messageId?: string
      /** The message ids of the thread it belongs to, oldest first. */
      references?: readonly string[]
      headers?: Readonly<Record<string, string>>
    },
    options?: { timeoutMs?: number },
  ): Promise<{ detail: string }>
  /** HMAC-SHA256 of a text, in hexadecimal. */
  hmacSha256(key: string, text: string): string
  /** Snappy block format, as remote write wants it. */
  snappy(bytes: Uint8Array): Uint8Array
}

export interface PluginDeclaration<P extends Params = Params> {
  readonly id: string
  readonly title: string
  readonly summary: string
  /** Params of kind `secret` are encrypted where stored and never shown again. */
  readonly settings: P
  /** Whether the receiver drops a repeat that bears the same idempotency key. docs say so. */
  readonly honoursIdempotencyKey: boolean
  /** What is wrong with settings that are well-formed one by one: a template that is no JSON. Paths begin at the setting. */
  check?(settings: SettingsOf<P>): readonly Problem[]
  alarm?(event: AlarmEvent, settings: SettingsOf<P>, context: PluginContext): Promise<DeliveryOutcome>
  /** A batch of points in time order; delivered again whole where it failed. */
  metrics?(points: readonly MetricPoint[], settings: SettingsOf<P>, context: PluginContext): Promise<DeliveryOutcome>
  report?(
    report: { title: string; contentType: string; body: Uint8Array },
    settings: SettingsOf<P>,
    context: PluginContext,
  ): Promise<DeliveryOutcome>
}

/** A plugin as the library holds it. */
export interface AnyPlugin extends Omit<PluginDeclaration, 'check' | 'alarm' | 'metrics' | 'report'> {
  check?(settings: Readonly<Record<string, unknown>>): readonly Problem[]
  alarm?(
    event: AlarmEvent,
    settings: Readonly<Record<string, unknown>>,
    context: PluginContext,
  ): Promise<DeliveryOutcome>
  metrics?(
    points: readonly MetricPoint[],
    settings: Readonly<Record<string, unknown>>,
    context: PluginContext,
  ): Promise<DeliveryOutcome>
  report?(
    report: { title: string; contentType: string; body: Uint8Array },
    settings: Readonly<Record<string, unknown>>,
    context: PluginContext,
  ): Promise<DeliveryOutcome>
}

export function definePlugin<const P extends Params>(declaration: PluginDeclaration<P>): AnyPlugin {
  // As for monitors: called only with settings checked against this very declaration.
  return declaration as unknown as AnyPlugin
}

/** What a plugin can be told to send: the feeds it has a function for. */
export function feedsOf(plugin: AnyPlugin): readonly PluginFeed[] {
  return pluginFeeds.filter(
    (feed) => plugin[({ alarms: 'alarm', metrics: 'metrics', reports: 'report' } as const)[feed]] !== undefined,
  )
}

/**
 * Checks what a user gave for a plugin, completely: each setting by itself, then all of them together.
 * @returns the settings as the plugin sees them; or all problems, with paths below `path`
 */
export function checkPluginSettings(
  plugin: AnyPlugin,
  given: unknown,
  path: string,
): Checked<Readonly<Record<string, unknown>>> {
  const checked = checkSettings(plugin.settings, given, path)
  if (!checked.ok) return checked
  const problems = plugin.check?.(checked.value) ?? []
  if (problems.length === 0) return checked
  return {
    ok: false,
    problems: problems.map((problem) => ({ ...problem, path: path === '' ? problem.path : `${path}.${problem.path}` })),
  }
}
