import fc from 'fast-check'
import { expect, test } from 'vitest'
import { outcomes, type GapRecord, type RunResult, type SpoolEntry } from '../model/index.ts'
import { isolatedBit, UploadPacker } from './packed-upload.ts'

const slot = fc.integer({ min: 0, max: 2 ** 40 })

const run = fc
  .record({
    task: fc.constantFrom('a', 'b', 'c'),
    slot,
    outcome: fc.constantFrom('ran' as const, 'failed' as const, 'late' as const),
    startedAt: slot,
    durationMs: fc.integer({ min: 0, max: 1e7 }).map((us) => us / 1_000),
    values: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 3 }),
    message: fc.option(fc.string(), { nil: undefined }),
    isolated: fc.boolean(),
  })
  .map(({ values, message, isolated, ...about }): RunResult => ({
    kind: 'run',
    ...about,
    ...(message === undefined ? {} : { message }),
    ...(isolated ? { isolated: true } : {}),
    samples: values.map((value, i) => ({ name: `metric ${i}`, value, labels: {} })),
  }))

const gap = fc.record({ task: fc.constantFrom('a', 'b', 'c'), from: slot }).map(({ task, from }): GapRecord => ({
  kind: 'gap',
  task,
  from,
  to: from,
  outcome: 'skipped',
  periodMs: 1_000,
  reason: 'overload',
}))

test('each batch of an upload has its own columns, all of them in the one piece of memory that goes along', () => {
  const batches = fc.array(fc.array(fc.oneof({ weight: 4, arbitrary: run }, gap), { maxLength: 9 }), { maxLength: 5 })
  fc.assert(
    fc.property(batches, fc.boolean(), (all, isOneLeftOut) => {
      const packer = new UploadPacker(
        () => undefined,
        () => true,
      )
      const leftOut = isOneLeftOut ? new Set(['b']) : undefined
      const { upload, memory } = packer.upload(
        all.map((entries, i) => ({
          batch: { format: 1, agent: `agent ${i}`, spool: 's', from: 10 * i, entries },
          leftOut,
        })),
      )
      const layouts = new Map(upload.layouts.map((layout) => [layout.number, layout]))
      upload.batches.forEach((packed, b) => {
        const wanted: readonly (readonly [number, SpoolEntry])[] = [...all[b]!.entries()].filter(
          ([, { task }]) => leftOut?.has(task) !== true,
        )
        const runs = wanted.filter((one): one is readonly [number, RunResult] => one[1].kind === 'run')
        let next = 0
        const read = Array.from(packed.indexes, (index, i) => {
          const { task, samples } = layouts.get(packed.layouts[i]!)!
          const values = samples.map(() => packed.values[next++])
          const { [i]: startedAt } = packed.startedAt
          return [index, task, packed.slots[i], startedAt, packed.durations[i], packed.codes[i], values]
        })
        expect(read).toEqual(
          runs.map(([index, { task, slot: at, startedAt, durationMs, outcome, isolated, samples }]) => [
            index,
            task,
            at,
            startedAt,
            durationMs,
            outcomes.indexOf(outcome) + (isolated === true ? isolatedBit : 0),
            samples.map(({ value }) => value),
          ]),
        )
        expect(packed.values.length).toBe(next)
        expect(packed.count).toBe(all[b]!.length)
        expect(packed.notes).toEqual(
          runs.flatMap(([index, { message }]) => (message === undefined ? [] : [[index, { message }]])),
        )
        expect(packed.gaps).toEqual(wanted.filter(([, { kind }]) => kind === 'gap'))
        const { slots, startedAt, durations, values, indexes, layouts: numbers, codes } = packed
        for (const column of [slots, startedAt, durations, values, indexes, numbers, codes])
          expect(column.buffer).toBe(memory)
      })
    }),
  )
})
