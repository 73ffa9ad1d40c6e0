import { expect, test } from 'vitest'
import { FarwatchError } from '../base/index.ts'
import type { RunResult, UploadBatch } from '../model/index.ts'
import { UploadQueue } from './upload-queue.ts'

const bounds = { ofAgent: 100, ofAll: 200, small: 10, busy: 50, entriesPerCommit: 4 }

function batchOf(agent: string, from: number, entries: number, samplesOfEach = 0): { readonly batch: UploadBatch } {
  const run = (): RunResult => ({
    kind: 'run',
    task: 'one',
    slot: 0,
    outcome: 'ran',
    startedAt: 0,
    durationMs: 1,
    samples: Array.from({ length: samplesOfEach }, () => ({ name: 'x', labels: {}, value: 1 })),
  })
  return { batch: { format: 1, agent, spool: 's', from, entries: Array.from({ length: entries }, run) } }
}

/** Offers batches as `agent entries` or `agent entries × samples of each`. @returns what was not taken, with the reason */
function offered(
  queue: UploadQueue<{ readonly batch: UploadBatch }>,
  ...batches: readonly string[]
): readonly string[] {
  return batches.flatMap((text, i) => {
    const [agent, entries, samples] = text.split(/[ ×]+/)
    try {
      queue.add(batchOf(agent!, i, Number(entries), Number(samples ?? 0)))
      return []
    } catch (thrown) {
      if (!(thrown instanceof FarwatchError) || thrown.code !== 'overloaded') throw thrown
      return [`${text}: ${thrown.message}`]
    }
  })
}

function taken(queue: UploadQueue<{ readonly batch: UploadBatch }>): readonly string[] {
  const groups: string[] = []
  while (!queue.isEmpty)
    groups.push(
      queue
        .take()
        .map(({ batch }) => `${batch.agent}${batch.from}`)
        .join(' '),
    )
  return groups
}

test('agents take turns, and each keeps its order', () => {
  const queue = new UploadQueue(bounds)
  offered(queue, 'a 2', 'a 2', 'a 2', 'b 1', 'a 2', 'b 1', 'c 1')
  expect(taken(queue)).toEqual(['a0 b3 c6', 'a1 b5 a2', 'a4'])
})

test('what is too much for one agent or for all is refused, and a small live batch still finds room', () => {
  const queue = new UploadQueue(bounds)
  const refused = offered(
    queue,
    // One batch may be more than the bound, the next is not taken.
    'a 20 × 5',
    'a 1',
    'b 3 × 9',
    'c 1 × 9',
    'd 1 × 10',
    'c 1',
    'c 1',
    'd 10',
    'e 30',
  )
  expect([refused, queue.pauseMs, taken(queue).length]).toEqual([
    [
      'a 1: too many results of the agent a wait to be stored',
      'd 1 × 10: too many results wait to be stored',
      'c 1: too many results wait to be stored',
      'e 30: too many results wait to be stored',
    ],
    1_500,
    4,
  ])
})

test('a batch beyond all bounds is taken where nothing else waits', () => {
  const queue = new UploadQueue(bounds)
  expect([offered(queue, 'a 300', 'b 1'), taken(queue), queue.pauseMs]).toEqual([
    ['b 1: too many results wait to be stored'],
    ['a0'],
    0,
  ])
})
