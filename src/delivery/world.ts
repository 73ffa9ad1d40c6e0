import type { Random } from '../base/index.ts'
import { messageOf } from '../base/index.ts'
import type { Database, Log, Statement } from '../platform/index.ts'
import type { AttemptWorld } from './attempt.ts'
import type { ConfiguredPlugin } from './configured-plugin.ts'
import { waitAfter } from './delivery-life.ts'

/** What the senders of delivery share. */
export interface DeliveryWorld extends AttemptWorld {
  readonly database: Database
  readonly random: Random
  readonly log: Log
  /** The plugin of that name as it is configured now, or undefined where it is not any more. */
  readonly configured: (name: string) => ConfiguredPlugin | undefined
}

/** Resolves after a while, or at once when the signal is aborted. */
export function pause(world: Pick<DeliveryWorld, 'clock'>, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = world.clock.after(ms, done)
    signal.addEventListener('abort', done, { once: true })
  })
}

/**
 * Writes until it is written: what was sent but not recorded would be sent again, so a full disk must end in waiting and not in
 * a flood of repeats. Gives up only when delivery stops; then the next start repeats it with the same key.
 */
export async function writeSurely(
  world: DeliveryWorld,
  statements: readonly Statement[],
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 1; ; failures++) {
    try {
      await world.database.write(statements)
      return
    } catch (thrown) {
      if (failures === 1) world.log.error('delivery could not be recorded', { error: messageOf(thrown) })
      if (signal.aborted) return
      await pause(world, waitAfter(failures, world.random, 30_000), signal)
    }
  }
}
