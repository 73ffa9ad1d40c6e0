import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkGathered } from '../../src/agent/gathered.ts'
import { monitors } from '../../src/monitors/index.ts'
import {
  sapControlReads,
  TargetError,
  type AnyMonitor,
  type OpenCredential,
  type SapControlRead,
  type SapRow,
} from '../../src/sdk/index.ts'
import { collectOnce, expectSound, judgedBy, sapSaying, type SapSaid } from '../../src/sdk/testing.ts'
import { everything, locked } from '../servers/sapcontrol-answers.ts'
import { sapUser, startSapControl, type SapControlServer } from '../servers/sapcontrol.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor } from './library.ts'

// Every monitor of start services over the real protocol, and on whatever a start service might say.

const all = monitors.filter(({ connectors }) => connectors.includes('sapcontrol'))
const user: OpenCredential = { type: 'basic', fields: sapUser }

let server: SapControlServer
let place: Readonly<Record<string, unknown>>
beforeAll(async () => {
  server = await startSapControl({ answers: everything })
  server.locked = locked
  place = { host: '127.0.0.1', port: server.port, tls: 'off' }
})
afterAll(() => server.stop())

test.each(all.map((monitor) => [monitor.id, monitor] as const))(
  '%s measures a healthy instance, and nothing raises',
  async (id, monitor) => {
    const seen = await measured(id, place, {}, { credential: user })
    expectSound(monitor, seen, [sapUser.secret])
    expect([seen.facts?.['notAsked'], Object.keys(seen.metrics).length > 0, judgedBy(monitor, seen)]).toEqual([
      undefined,
      true,
      {},
    ])
  },
)

// what is wrong → the failure of sap.queues, with the port written as PORT
const wrongs: [string, Record<string, unknown>, OpenCredential, RegExp][] = [
  [
    'the password',
    {},
    { type: 'basic', fields: { ...sapUser, secret: 'falsch' } },
    /^credentials: 127.0.0.1:PORT refused the user ha1adm/,
  ],
  ['the port', { port: 1 }, user, /^refused: connection refused by 127.0.0.1:1$/],
  ['TLS', { tls: 'require' }, user, /^tls: the TLS handshake with 127.0.0.1:PORT failed/],
  ['the name', { host: 'no.such.host.invalid' }, user, /^unreachable: /],
]
test.each(wrongs)('%s is wrong', async (_, settings, credential, words) => {
  const seen = await runMonitor('sap.queues', { ...place, ...settings }, {}, { credential })
  expect(seen.failed?.replaceAll(String(server.port), 'PORT')).toMatch(words)
})

test('with a wrong password the processes are seen all the same, and no user is locked by all the monitors together', async () => {
  const before = server.asked.length
  const credential: OpenCredential = { type: 'basic', fields: { ...sapUser, secret: 'falsch' } }
  const seen = await measured('sap.processes', place, {}, { credential })
  expect([seen.metrics['processes'], server.asked.slice(before).map(({ user: by }) => by)]).toEqual([6, [undefined]])
})

const strange = fc.oneof(
  fc.constantFrom(
    null,
    '',
    '-',
    '0',
    '-1',
    '99999999999999999999',
    '1e99',
    'NaN',
    'SAPControl-RED',
    'SAPControl-BLUE',
    '2026 99 99 99:99:99',
    '99999999:99:99',
    '12 %',
    '12 msec',
    '__proto__',
    'constructor',
    '\u0000\u0007',
    '\ud800',
    'x'.repeat(16_000),
  ),
  fc.nat(30).map(String),
  fc.string({ unit: 'binary', maxLength: 12 }),
)

/** Rows of an operation in which each field is what it usually is, or anything. */
function rowsOf(operation: SapControlRead): fc.Arbitrary<Partial<SapRow<SapControlRead>>[]> {
  const answer = everything[operation]!
  const usual = 'items' in answer ? answer.items : 'single' in answer ? [answer.single] : []
  const field = (name: string) => {
    const values = usual.flatMap((item) => (item[name] === undefined ? [] : [String(item[name])]))
    return values.length === 0 ? strange : fc.oneof(fc.constantFrom(...values), strange)
  }
  const names = [...sapControlReads[operation].fields]
  return fc.array(fc.record(Object.fromEntries(names.map((name) => [name, field(name)]))), { maxLength: 6 })
}

const anything: fc.Arbitrary<SapSaid> = fc.record(
  // The shape is that of the operations; the content is anyone's.
  Object.fromEntries(
    (Object.keys(sapControlReads) as SapControlRead[]).map((operation) => [operation, rowsOf(operation)]),
  ),
)

/** What the run before remembered, or nonsense of the same kinds. */
const remembered = fc.oneof(
  fc.constant(undefined),
  fc.jsonValue({ maxDepth: 2 }),
  fc.constant({ newest: 1, atNewest: 1, at: 1 }),
)

test.each(all.map((monitor) => [monitor.id, monitor] as const))(
  '%s gives a result that can be kept, whatever is said',
  async (_, monitor: AnyMonitor) => {
    await fc.assert(
      fc.asyncProperty(anything, remembered, async (said, previous) => {
        let kept: unknown
        const seen = await collectOnce(
          monitor,
          {},
          {
            client: sapSaying(said),
            now: () => 1_800_000_000_000,
            previous,
            remember: (value) => (kept = value),
          },
        ).catch((thrown: unknown) => {
          if (thrown instanceof TargetError) return undefined
          throw thrown
        })
        if (seen === undefined) return
        expectSound(monitor, seen)
        expect(checkGathered(monitor, seen, (text) => text)).toMatchObject({ ok: true })
        expect(JSON.stringify(kept ?? null).length).toBeLessThan(64 * 1024)
      }),
      { numRuns: 60 },
    )
  },
)

test('checked by hand, each says that the instance is well', async () => {
  const said = await Promise.all(all.map(({ id }) => byHand(id, place, { credential: user })))
  expect(said).toEqual(all.map(({ id }) => `0 ${id} ran`))
})
