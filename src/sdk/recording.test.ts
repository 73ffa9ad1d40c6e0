import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StatementRefused, TargetError } from './failure.ts'
import { defineMonitor, type AnyMonitor } from './monitor.ts'
import { RunRecorder, type Recording, type RecordingMask } from './recording.ts'
import { NotRecorded, readRecording, replay } from './replay.ts'
import { collectOnce } from './testing.ts'

const noMask: RecordingMask = Object.assign((text: string) => text, { bytes: (text: string) => text })
const maskOf = (secret: string): RecordingMask => {
  const mask = (text: string) => text.replaceAll(secret, '***')
  return Object.assign(mask, { bytes: mask })
}

/** A monitor that does with its client whatever the story says. The client is none that a connector has. */
function monitorThat(
  collect: (
    client: never,
    about: { now: () => number; previous: unknown; remember(value: unknown): void; signal: AbortSignal },
  ) => Promise<Record<string, number>>,
): AnyMonitor {
  return defineMonitor({
    id: 'story',
    title: 'Story',
    summary: 'A story.',
    connector: 'tcp',
    settings: {},
    metrics: {},
    openMetrics: 'Anything.',
    period: '1m',
    timeout: '10s',
    tested: 'schema only',
    rules: [],
    collect: async (_, context) => ({
      metrics: {},
      more: Object.entries(await collect(context.client as never, context)).map(([name, value]) => ({
        name,
        labels: {},
        value,
      })),
    }),
  })
}

async function record(
  monitor: AnyMonitor,
  client: object,
  { mask = noMask, times = 1, most }: { mask?: RecordingMask; times?: number; most?: number } = {},
): Promise<{ outcome: unknown; text: string }> {
  const runs = []
  let outcome: unknown
  let previous: unknown
  let clock = 1_000
  for (let run = 0; run < times; run++) {
    const recorder = new RunRecorder({ mask, now: () => (clock += 7), ...(most === undefined ? {} : { most }) })
    outcome = await collectOnce(
      monitor,
      {},
      {
        client: recorder.wrap(client) as never,
        now: recorder.now,
        previous,
        remember: (value) => (previous = value),
      },
    ).catch((thrown: unknown) => thrown)
    runs.push(recorder.done({ plannedAt: 0 }))
  }
  const recording: Recording = {
    farwatchRecording: 1,
    monitor: 'story',
    connector: 'tcp',
    version: '1',
    madeAt: '',
    settings: {},
    connectorSettings: {},
    runs,
  }
  return { outcome, text: JSON.stringify(recording) }
}

async function replayed(monitor: AnyMonitor, text: string): Promise<unknown> {
  return replay(monitor, readRecording(text), new AbortController().signal).then(
    ({ gathered }) => gathered,
    (thrown: unknown) => thrown,
  )
}

class Answer {
  readonly #body: Uint8Array
  readonly status: number
  constructor(status: number, body: Uint8Array) {
    this.status = status
    this.#body = body
  }
  get body(): Uint8Array {
    return this.#body
  }
  text(): string {
    return new TextDecoder().decode(this.#body)
  }
}

/** With everything that clients do: private fields, sessions with callbacks, answers with methods, bytes, judging functions, failures. */
class Client {
  readonly target = 'db1:1'
  #asked = 0
  readonly gone: boolean
  constructor(gone = false) {
    this.gone = gone
  }
  async request(path: string, _signal: AbortSignal): Promise<Answer> {
    this.#asked++
    return new Answer(200 + this.#asked, new TextEncoder().encode(`${path} é`))
  }
  async talk(exchange: { until: (text: string) => boolean }): Promise<string> {
    let said = ''
    while (!exchange.until(said)) said += 'x'
    return said
  }
  async session<T>(_signal: AbortSignal, use: (session: object) => Promise<T>): Promise<T> {
    return use({
      version: 15,
      query: async (sql: string) => {
        if (sql === 'bad') throw new StatementRefused('42501', 'no privilege')
        if (sql === 'gone') throw new TargetError('refused', 'the server went away')
        return [
          {
            count: 3,
            at: new Date(0),
            big: 2n ** 60n,
            odd: Number.NaN,
            none: undefined,
            raw: new Uint8Array([0, 255]),
          },
        ]
      },
    })
  }
  async *rows(): AsyncGenerator<number> {
    yield 1
    yield 2
  }
}

interface Session {
  readonly version: number
  query(sql: string): Promise<readonly { count: number; at: Date; big: bigint; odd: number; raw: Uint8Array }[]>
}
interface Told {
  readonly target: string
  request(path: string, signal: AbortSignal): Promise<Answer>
  talk(exchange: { until: (text: string) => boolean }): Promise<string>
  session<T>(signal: AbortSignal, use: (session: Session) => Promise<T>): Promise<T>
  rows(): AsyncGenerator<number>
}

const everything = monitorThat(async (client: Told, { now, signal }) => {
  const [first, second] = await Promise.all([client.request('/a', signal), client.request('/b', signal)])
  const said = await client.talk({ until: (text) => text.length >= 4 })
  let rows = 0
  for await (const row of client.rows()) rows += row
  const inSession = await client.session(signal, async (session) => {
    const [row] = await session.query('good')
    const refused = await session.query('bad').then(
      () => 'went well',
      (thrown: unknown) => (thrown instanceof StatementRefused ? thrown.code : 'other'),
    )
    return {
      ...row!,
      refused: Number(refused),
      version: session.version,
    }
  })
  const began = now()
  return {
    target: client.target.length,
    first: first.status,
    second: second.status,
    text: second.text().length,
    bytes: first.body.length,
    said: said.length,
    rows,
    count: inSession.count,
    at: inSession.at.getTime(),
    big: Number(inSession.big),
    isOdd: Number.isNaN(inSession.odd) ? 1 : 0,
    raw: inSession.raw[1]!,
    refused: inSession.refused,
    version: inSession.version,
    took: now() - began,
    copied: { ...first }.status,
  }
})

test('a run plays back as it was, with sessions, answers that have methods, bytes, and what the clock said', async () => {
  const { outcome, text } = await record(everything, new Client())
  expect([await replayed(everything, text), text.includes('42501')]).toEqual([outcome, true])
  expect(outcome).toMatchObject({ more: expect.arrayContaining([{ name: 'took', labels: {}, value: 7 }]) })
})

test('failures come back with their reasons, from inside of a session as well', async () => {
  const monitor = monitorThat(async (client: Told, { signal }) => {
    await client.session(signal, (session) => session.query('gone'))
    return {}
  })
  const { text } = await record(monitor, new Client())
  const thrown = await replayed(monitor, text)
  expect([thrown instanceof TargetError, thrown]).toMatchObject([
    true,
    { reason: 'refused', message: 'the server went away' },
  ])
})

test('a monitor of rates is played back as often as it was run', async () => {
  const monitor = monitorThat(async (client: Told, { previous, remember, signal }) => {
    const { status } = await client.request('/', signal)
    remember({ status })
    // What it remembered itself.
    const before = previous as { status: number } | undefined
    return before === undefined ? {} : { rate: status - before.status }
  })
  const { outcome, text } = await record(monitor, new Client(), { times: 2 })
  expect([outcome, await replayed(monitor, text)]).toMatchObject([
    { more: [{ name: 'rate', value: 1 }] },
    { more: [{ name: 'rate', value: 1 }] },
  ])
})

test('a secret is nowhere in it: not in answers, keys, bytes, numbers, failures or questions, and it plays back all the same', async () => {
  const secret = '73914628'
  const monitor = monitorThat(async (client: { ask(question: string): Promise<object> }) => {
    await client.ask(`login ${secret}`)
    await client.ask('fail').catch(() => undefined)
    return { asked: 2 }
  })
  const client = {
    ask: async (question: string) => {
      if (question === 'fail') throw new Error(`wrong: ${secret}`)
      return { [secret]: 1, number: Number(secret), bytes: new TextEncoder().encode(`.${secret}.`), text: question }
    },
  }
  const { outcome, text } = await record(monitor, client, { mask: maskOf(secret) })
  expect([text.includes(secret), await replayed(monitor, text)]).toEqual([false, outcome])
})

test('what the monitor did not ask then is no answer now', async () => {
  const asking = (path: string) =>
    monitorThat(async (client: Told, { signal }) => ({ status: (await client.request(path, signal)).status }))
  const { text } = await record(asking('/a'), new Client())
  const thrown = await replayed(asking('/b'), text)
  expect([thrown instanceof NotRecorded, String(thrown)]).toEqual([
    true,
    'NotRecorded: the recording has no answer to request("/b",{"$":"signal"}): it was asked not with these words, or not so often',
  ])
})

test('a recording has a bound; what no longer went in is missed when it is needed', async () => {
  const monitor = monitorThat(async (client: Told, { signal }) => {
    const { body } = await client.request('/'.repeat(5_000), signal)
    return { size: body.length }
  })
  const { text } = await record(monitor, new Client(), { most: 6_000 })
  expect([text.length < 20_000, String(await replayed(monitor, text))]).toEqual([
    true,
    'NotRecorded: this part was left out of the recording, because it had grown too large',
  ])
})

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: false,
  withNullPrototype: false,
  maxDepth: 3,
})

test('whatever data a client answers with comes back equal', async () => {
  await fc.assert(
    fc.asyncProperty(anything, async (value) => {
      let got: unknown
      const monitor = monitorThat(async (client: { ask(): Promise<unknown> }) => {
        got = await client.ask()
        return {}
      })
      const { text } = await record(monitor, { ask: async () => value })
      const first = got
      await replayed(monitor, text)
      expect(got).toEqual(first)
    }),
    { numRuns: 200 },
  )
})

test('a recording that somebody has tampered with is refused or fails as a run does; nothing else happens', async () => {
  const { text } = await record(everything, new Client())
  await fc.assert(
    fc.asyncProperty(
      fc.nat(text.length - 1),
      fc.nat(40),
      fc.constantFrom('', '"$"', '{}', 'null', '[', '9', '"__proto__"', '{"$":"object","number":7}'),
      async (at, length, put) => {
        const broken = text.slice(0, at) + put + text.slice(at + length)
        const outcome = await Promise.resolve()
          .then(() => replayed(everything, broken))
          .catch((thrown: unknown) => thrown)
        expect(typeof outcome).toBe('object')
      },
    ),
    { numRuns: 600 },
  )
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})
