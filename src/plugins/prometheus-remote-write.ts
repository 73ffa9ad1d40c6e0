import {
  authorizationOf,
  authorizationProblems,
  authorizationSettings,
  definePlugin,
  outcomeOfHttp,
  outcomeOfNetworkFailure,
  type MetricPoint,
} from '../sdk/index.ts'

/** A name as Prometheus' grammar allows it: `[a-zA-Z_:][a-zA-Z0-9_:]*` for metrics, without the colon for labels. */
export function prometheusName(name: string, kind: 'metric' | 'label'): string {
  const cleaned = name.replaceAll(kind === 'metric' ? /[^a-zA-Z0-9_:]/g : /[^a-zA-Z0-9_]/g, '_')
  const begun = /^[0-9]/.test(cleaned) || cleaned === '' ? `_${cleaned}` : cleaned
  // Labels that begin with two underscores belong to Prometheus itself.
  return kind === 'label' ? begun.replace(/^__+/, '_') : begun
}

/**
 * The labels of one series as remote write demands them: `__name__` among them, sorted by name, each name once, none empty.
 * Two labels that differ only in characters Prometheus does not have are told apart by a number: `a_b`, `a_b_2`.
 */
export function seriesLabels(point: MetricPoint): readonly (readonly [string, string])[] {
  const named = new Map<string, string>([['__name__', prometheusName(point.name, 'metric')]])
  for (const given of Object.keys(point.labels).sort()) {
    const value = point.labels[given]!
    if (value === '') continue
    const name = prometheusName(given, 'label')
    let free = name
    for (let n = 2; named.has(free); n++) free = `${name}_${n}`
    named.set(free, value.toWellFormed())
  }
  // Byte order, which for ASCII names is the order of UTF-16 units.
  return [...named].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

// Protocol buffers, as much as a WriteRequest needs: https://protobuf.dev/programming-guides/encoding/
const lengthDelimited = 2
const fixed64 = 1
const varint = 0

class Bytes {
  #buffer = new Uint8Array(16_384)
  #view = new DataView(this.#buffer.buffer)
  #length = 0

  #room(more: number): void {
    if (this.#length + more <= this.#buffer.length) return
    const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + more))
    grown.set(this.#buffer)
    this.#buffer = grown
    this.#view = new DataView(grown.buffer)
  }

  /** A whole number below 2^53; shifts would cut it at 32 bits. */
  varint(value: number): void {
    this.#room(8)
    while (value > 127) {
      this.#buffer[this.#length++] = (value % 128) | 128
      value = Math.floor(value / 128)
    }
    this.#buffer[this.#length++] = value
  }

  tag(field: number, wire: number): void {
    this.varint(field * 8 + wire)
  }

  double(value: number): void {
    this.#room(8)
    this.#view.setFloat64(this.#length, value, true)
    this.#length += 8
  }

  /** UTF-8 of a well-formed text. Written by hand because a plugin knows no machine, so no TextEncoder. */
  text(text: string): void {
    this.#room(text.length * 3)
    for (let i = 0; i < text.length; i++) {
      const code = text.codePointAt(i)!
      if (code < 0x80) this.#buffer[this.#length++] = code
      else {
        if (code > 0xffff) {
          i++
          this.#buffer[this.#length++] = 0xf0 | (code >> 18)
          this.#buffer[this.#length++] = 0x80 | ((code >> 12) & 0x3f)
        } else if (code > 0x7ff) this.#buffer[this.#length++] = 0xe0 | (code >> 12)
        this.#buffer[this.#length++] = code > 0x7ff ? 0x80 | ((code >> 6) & 0x3f) : 0xc0 | (code >> 6)
        this.#buffer[this.#length++] = 0x80 | (code & 0x3f)
      }
    }
  }

  /** A message within: written in place and then moved up to make room for its length, which costs less than a buffer for each. */
  message(field: number, fill: () => void): void {
    this.tag(field, lengthDelimited)
    const start = this.#length
    fill()
    const length = this.#length - start
    this.#room(8)
    this.#length = start
    const moved = start + (length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x20_0000 ? 3 : 4)
    this.#buffer.copyWithin(moved, start, start + length)
    this.varint(length)
    this.#length = moved + length
  }

  taken(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }
}

/**
 * A prometheus.WriteRequest (remote write 1.0): `timeseries = 1 { labels = 1 { name = 1, value = 2 }, samples = 2 { value = 1 double,
 * timestamp = 2 int64 ms } }`. Points of one series become one time series, in time order.
 */
export function encodeWriteRequest(points: readonly MetricPoint[]): Uint8Array {
  const series = new Map<string, { labels: readonly (readonly [string, string])[]; points: MetricPoint[] }>()
  // Most points of a request are of a series it has seen; those are found by their labels as they came, without cleaning them again.
  const asTheyCame = new Map<string, MetricPoint[]>()
  for (const point of points) {
    const raw = JSON.stringify([point.name, point.labels])
    let known = asTheyCame.get(raw)
    if (known === undefined) {
      const labels = seriesLabels(point)
      const id = JSON.stringify(labels)
      const one = series.get(id) ?? { labels, points: [] }
      series.set(id, one)
      known = one.points
      asTheyCame.set(raw, known)
    }
    known.push(point)
  }
  const request = new Bytes()
  for (const one of series.values()) {
    request.message(1, () => {
      for (const [name, value] of one.labels) {
        request.message(1, () => {
          request.message(1, () => request.text(name))
          request.message(2, () => request.text(value))
        })
      }
      for (const point of one.points.sort((a, b) => a.at - b.at)) {
        request.message(2, () => {
          request.tag(1, fixed64)
          request.double(point.value)
          request.tag(2, varint)
          request.varint(Math.max(0, Math.round(point.at)))
        })
      }
    })
  }
  return request.taken()
}

/** Sends metrics on to Prometheus, VictoriaMetrics, Mimir, Thanos and whatever else takes remote write 1.0. */
export default definePlugin({
  id: 'prometheus-remote-write',
  title: 'Prometheus remote write',
  summary: 'Sends every measured value on to an engine that takes Prometheus remote write.',
  // A repeated sample of the same time and value changes nothing at the receiver.
  honoursIdempotencyKey: true,
  settings: {
    url: {
      kind: 'url',
      label: 'URL',
      protocols: ['http', 'https'],
      example: 'http://victoria:8428/api/v1/write',
      help: 'The complete address of the write endpoint.',
    },
    ...authorizationSettings,
    tenant: {
      kind: 'text',
      label: 'Tenant',
      optional: true,
      pattern: '[\\x21-\\x7e]+',
      help: 'Sent as X-Scope-OrgID, as Mimir and Cortex want it.',
    },
    timeout: { kind: 'duration', label: 'Timeout', default: '30s', min: '100ms', max: '55s' },
    verifyCertificate: {
      kind: 'flag',
      label: 'Verify the certificate',
      default: true,
      help: 'Off means that anybody between here and there can read and change what is sent.',
    },
  },
  check(settings) {
    return authorizationProblems(settings)
  },
  async metrics(points, settings, context) {
    try {
      return outcomeOfHttp(
        await context.http({
          url: settings.url,
          method: 'POST',
          headers: {
            'content-type': 'application/x-protobuf',
            'content-encoding': 'snappy',
            'x-prometheus-remote-write-version': '0.1.0',
            'user-agent': 'farwatch',
            ...(settings.tenant === undefined ? {} : { 'x-scope-orgid': settings.tenant }),
          },
          body: context.snappy(encodeWriteRequest(points)),
          ...authorizationOf(settings),
          verifyCertificate: settings.verifyCertificate,
          timeoutMs: settings.timeout,
        }),
      )
    } catch (thrown) {
      return outcomeOfNetworkFailure(thrown)
    }
  },
})
