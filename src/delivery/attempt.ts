import { formatDuration, messageOf, type Clock } from '../base/index.ts'
import type { DeliveryOutcome, PluginContext } from '../sdk/index.ts'
import type { ConfiguredPlugin } from './configured-plugin.ts'
import { makePluginContext, type PluginNetwork } from './plugin-context.ts'
import { maskOf } from './secret-mask.ts'

export interface AttemptWorld {
  readonly clock: Clock
  readonly network: PluginNetwork
  readonly portalUrl: () => string
  /** The longest one attempt may take. */
  readonly attemptTimeoutMs: number
}

/**
 * Lets a plugin try once. Never rejects and always ends: a plugin that throws, answers nonsense or hangs has failed in a way that
 * may be over later. One that ignores the signal goes on unheard; what it still answers counts for nothing.
 */
export async function attempt(
  world: AttemptWorld,
  about: {
    readonly configured: ConfiguredPlugin
    readonly idempotencyKey: string
    readonly test: boolean
    readonly signal: AbortSignal
  },
  act: (context: PluginContext) => Promise<DeliveryOutcome>,
): Promise<DeliveryOutcome> {
  const over = new AbortController()
  const cancel = world.clock.after(world.attemptTimeoutMs, () =>
    over.abort(new Error(`the attempt was ended after ${formatDuration(world.attemptTimeoutMs)} without an outcome`)),
  )
  const stop = () => over.abort(new Error('delivery is stopping'))
  about.signal.addEventListener('abort', stop, { once: true })
  if (about.signal.aborted) stop()
  const mask = maskOf(about.configured.plugin.settings, about.configured.settings)
  try {
    const context = makePluginContext({
      idempotencyKey: about.idempotencyKey,
      signal: over.signal,
      portalUrl: world.portalUrl(),
      test: about.test,
      clock: world.clock,
      network: world.network,
    })
    const outcome: DeliveryOutcome = await Promise.race([endOf(over.signal), (async () => act(context))()])
    if (outcome.delivered === true)
      return { delivered: true, ...(outcome.detail === undefined ? {} : { detail: mask(outcome.detail) }) }
    return { ...outcome, message: mask(outcome.message) }
  } catch (thrown) {
    return { delivered: false, retry: true, message: mask(messageOf(thrown)) }
  } finally {
    cancel()
    about.signal.removeEventListener('abort', stop)
    // What the plugin may have left open ends with its attempt.
    over.abort()
  }
}

function endOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const ended = () => reject(signal.reason as Error)
    if (signal.aborted) ended()
    else signal.addEventListener('abort', ended, { once: true })
  })
}
