import type { AlarmEvent, Labels } from '../model/index.ts'
import type { Params, SettingsOf } from './params.ts'

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
}

/** The world as a plugin may touch it. */
export interface PluginContext {
  /** The same on every repeat of one delivery, from either server of a pair. */
  readonly idempotencyKey: string
  readonly signal: AbortSignal
  /** Where the portal is reached, for links. */
  readonly portalUrl: string
  /** Rejects with an Error whose message names the host and what went wrong; answers of any status resolve. Follows no redirects. */
  http(request: {
    url: string
    method: string
    headers?: Readonly<Record<string, string>>
    body?: string | Uint8Array
    verifyCertificate?: boolean
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
      headers?: Readonly<Record<string, string>>
    },
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
export interface AnyPlugin extends Omit<PluginDeclaration, 'alarm' | 'metrics' | 'report'> {
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
