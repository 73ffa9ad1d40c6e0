import { test } from 'vitest'
import type { Result } from '../../src/contract/index.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { TestInstance, until } from '../support/instance.ts'
import { silence } from '../support/silence.ts'

const tasks = 20
/** Each on an instance of its own, side by side: most of the time of one is waiting for a start. */
const instances = ['one', 'other']
const killsEach = 25

/**
 * Fifty kills at random moments. The oracle is a target whose counter rises by one per request: each stored value stands for one
 * request that was really made, so a value that is stored twice is a double run, and one that was once shown and is gone is a loss.
 */
test.concurrent.for(instances)(
  `${killsEach} times kill -9 of the %s instance at random moments loses no acknowledged result, counts none twice, and leaves no slot silent`,
  { timeout: 1_200_000 },
  async (_, { expect }) => {
    await using target = await CountingTarget.start()
    await using instance = await TestInstance.start()
    await instance.call('applyConfiguration', { body: countingDocument(target.url, tasks), query: {} })

    // Everything the API has shown so far, by task and slot. Once shown it was acknowledged, and must be there for ever.
    const shown = new Map<string, string>()
    let lost = 0
    for (let round = 0; round < killsEach; round++) {
      // Spread over two periods, so that kills meet every moment of a run: waiting, running, spooled, uploaded, stored.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 2_000))
      for (const [slot, result] of await everything(instance)) if (!shown.has(slot)) shown.set(slot, result)
      await instance.kill()
      await instance.start()
      await instance.signIn()
      const now = await everything(instance)
      for (const [slot, result] of shown) if (now.get(slot) !== result) lost++
    }

    const last = await until(
      'every task ran again after the last kill',
      () => everything(instance),
      (seen) => seen.size > shown.size + tasks,
    )
    const hits = [...last]
      .filter(([slot]) => slot.startsWith('run '))
      .map(([slot, result]) => `${slot.split(' ')[1]} ${result}`)
    const twice = hits.length - new Set(hits).size
    const served = [...target.served.values()].reduce((sum, count) => sum + count, 0)
    // A run that was under way when the process died left a request without a result: at most one per task and kill.
    const withoutResult = served - hits.length
    // A run that is still under way is a hole for a moment.
    const slots = await until(
      'every slot has ended as one thing',
      async () => {
        const rows = new Map<string, readonly Result[]>()
        for (const { id } of await instance.call('listTasks', { query: { group: 'acme' } }))
          rows.set(id, await instance.call('listResults', { params: { id }, query: {} }))
        return silence(rows, 1_000)
      },
      ({ missing }) => missing === 0,
    )
    expect({
      lost,
      twice,
      slots,
      strayRequests: withoutResult <= tasks * killsEach && withoutResult >= 0,
      ran: hits.length > tasks * 20,
    }).toEqual({
      lost: 0,
      twice: 0,
      slots: { missing: 0, twice: 0 },
      strayRequests: true,
      ran: true,
    })
  },
)

/** Every stored run as `run <task> <slot>` → its counter; every slot must be there once. */
async function everything(instance: TestInstance): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const task of await instance.call('listTasks', { query: { group: 'acme' } })) {
    const results: readonly Result[] = await instance.call('listResults', { params: { id: task.id }, query: {} })
    for (const result of results) {
      const run = result.startedAt !== null
      const key = `${run ? 'run' : 'gap'} ${task.id} ${result.plannedAt}`
      if (found.has(key)) throw new Error(`two rows for ${key}`)
      if (run) found.set(key, String(result.metrics.find((metric) => metric.name === 'hits')?.value ?? result.outcome))
    }
  }
  return found
}
