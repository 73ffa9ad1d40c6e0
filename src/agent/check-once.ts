import { FarwatchError, type Clock } from '../base/index.ts'
import type { RunResult } from '../model/index.ts'
import type { Log } from '../platform/index.ts'
import type { CheckOrder } from './agent.ts'
import { Pool, stopGraceMs } from './pool.ts'
import { resultOf } from './run-result.ts'

/**
 * Runs any monitor once without an agent, in a monitoring process of its own that is gone when this resolves. For the command line.
 * @throws FarwatchError `internal` where the process could not be used
 */
export async function checkOnce(
  order: CheckOrder,
  using: {
    readonly monitoringProcess: URL
    readonly processMemoryMiB: number
    readonly clock: Clock
    readonly log: Log
  },
): Promise<RunResult> {
  const { monitoringProcess, processMemoryMiB, clock, log } = using
  const pool = new Pool({
    module: monitoringProcess,
    processes: 1,
    processMemoryMiB,
    graceMs: stopGraceMs,
    clock,
    log,
    tell: () => undefined,
  })
  try {
    const slot = clock.now()
    const id = 'check'
    const { monitor, settings, timeoutMs } = order
    return await new Promise<RunResult>((resolve, reject) =>
      pool.run(
        {
          task: { id, connector: id, monitor, settings, timeoutMs, periodMs: timeoutMs },
          connector: { ...order.connector, id, group: '' },
          slot,
          timeoutMs,
          beginBefore: clock.elapsed() + timeoutMs,
        },
        (ended) => {
          if (ended.kind === 'report') resolve(resultOf(id, slot, ended.report, false))
          else reject(new FarwatchError('internal', 'the check could not be run in time'))
        },
      ),
    )
  } finally {
    await pool.stop()
  }
}
