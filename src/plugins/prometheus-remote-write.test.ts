import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MetricPoint } from '../sdk/index.ts'
import { encodeWriteRequest, prometheusName, seriesLabels } from './prometheus-remote-write.ts'

interface Series {
  readonly labels: readonly (readonly [string, string])[]
  readonly samples: readonly { readonly at: number; readonly value: number }[]
}

/** A decoder of protocol buffers, independent of the encoder: fields of one message, in order. */
function* fieldsOf(bytes: Uint8Array): Generator<[number, Uint8Array | number]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let i = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[i++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return Number(value)
    }
  }
  while (i < bytes.length) {
    const tag = varint()
    switch (tag & 7) {
      case 0:
        yield [tag >> 3, varint()]
        break
      case 1:
        yield [tag >> 3, view.getFloat64(i, true)]
        i += 8
        break
      case 2: {
        const length = varint()
        yield [tag >> 3, bytes.subarray(i, i + length)]
        i += length
        break
      }
      default:
        throw new Error(`wire type ${tag & 7}`)
    }
  }
}

const text = (bytes: unknown) => new TextDecoder('utf-8', { fatal: true }).decode(bytes as Uint8Array)

function decode(bytes: Uint8Array): Series[] {
  return [...fieldsOf(bytes)].map(([, series]) => {
    const labels: [string, string][] = []
    const samples: { at: number; value: number }[] = []
    for (const [field, content] of fieldsOf(series as Uint8Array)) {
      const inner = new Map(fieldsOf(content as Uint8Array))
      if (field === 1) labels.push([text(inner.get(1)), text(inner.get(2))])
      else samples.push({ value: inner.get(1) as number, at: inner.get(2) as number })
    }
    return { labels, samples }
  })
}

const point: fc.Arbitrary<MetricPoint> = fc.record({
  name: fc.constantFrom('farwatch_a', 'farwatch_b'),
  labels: fc.dictionary(fc.constantFrom('mount', 'group', 'system'), fc.string({ unit: 'grapheme', minLength: 1 })),
  at: fc.integer({ min: 0, max: 2 ** 45 }),
  value: fc.double(),
})

test('what is encoded decodes to the same series, one for each set of labels, in time order', () => {
  fc.assert(
    fc.property(fc.array(point, { maxLength: 30 }), (points) => {
      const wanted = new Map<string, Series & { samples: { at: number; value: number }[] }>()
      for (const { name, labels, at, value } of points) {
        const sorted = Object.entries({ ...labels, __name__: name }).sort(([a], [b]) => (a < b ? -1 : 1))
        const id = JSON.stringify(sorted)
        const series = wanted.get(id) ?? { labels: sorted, samples: [] }
        wanted.set(id, series)
        series.samples.push({ at, value })
      }
      for (const series of wanted.values()) series.samples.sort((a, b) => a.at - b.at)
      expect(decode(encodeWriteRequest(points))).toEqual([...wanted.values()])
    }),
    { numRuns: 200 },
  )
})

test('whatever names come, the labels are of the Prometheus grammar, sorted, and each there once', () => {
  const name = fc.string({ unit: 'binary', maxLength: 12 })
  fc.assert(
    fc.property(name, fc.dictionary(name, fc.string()), (series, labels) => {
      const names = seriesLabels({ name: series, labels, at: 0, value: 0 }).map(([label]) => label)
      expect(names.filter((label) => !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label))).toEqual([])
      expect(names).toEqual([...new Set(names)].sort())
    }),
    { numRuns: 300 },
  )
})

test('names become what Prometheus has, and two that would become one are told apart', () => {
  expect([
    prometheusName('farwatch_http.response_duration', 'metric'),
    prometheusName('9 lives', 'metric'),
    prometheusName('a:b', 'metric'),
    prometheusName('a:b', 'label'),
    prometheusName('__reserved', 'label'),
  ]).toEqual(['farwatch_http_response_duration', '_9_lives', 'a:b', 'a_b', '_reserved'])
  expect(seriesLabels({ name: 'x', labels: { 'a.b': '1', 'a-b': '2', empty: '' }, at: 0, value: 0 })).toEqual([
    ['__name__', 'x'],
    ['a_b', '2'],
    ['a_b_2', '1'],
  ])
})
