import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock, seededRandom } from '../base/index.ts'
import type { Database } from '../platform/index.ts'
import { systemClock } from '../platform/index.ts'
import { definePlugin, type AnyPlugin, type DeliveryOutcome, type PluginContext } from '../sdk/index.ts'
import { alarmStep } from '../sdk/testing.ts'
import type { ConfiguredPlugin } from './configured-plugin.ts'
import { Delivery, type DeliveryOptions } from './delivery.ts'
import { eventually, keptLog, temporaryOutbox } from './testing.ts'

const ok: DeliveryOutcome = { delivered: true, detail: 'taken' }
const later: DeliveryOutcome = { delivered: false, retry: true, message: 'not now' }
const never: DeliveryOutcome = { delivered: false, retry: false, message: 'never' }

/** A plugin that answers as it is told, and keeps what it was given. */
function scripted(answer: (event: string, context: PluginContext) => DeliveryOutcome | Promise<DeliveryOutcome>) {
  const got: string[] = []
  const keys: string[] = []
  const plugin = definePlugin({
    id: 'scripted',
    title: 'Scripted',
    summary: 'Answers as told.',
    honoursIdempotencyKey: true,
    settings: { password: { kind: 'secret', label: 'Password', optional: true } },
    async alarm(event, _, context) {
      const name = `${event.alarm.id} ${event.event}`
      got.push(name)
      keys.push(context.idempotencyKey)
      return answer(name, context)
    },
  })
  return { plugin, got, keys }
}

const configure = (name: string, plugin: AnyPlugin, settings = {}): ConfiguredPlugin => ({
  name,
  plugin,
  settings,
  sends: ['alarms'],
})

let outbox: ReturnType<typeof temporaryOutbox>
const running: Delivery[] = []
let database: Database

beforeEach(async () => {
  outbox = temporaryOutbox()
  database = await outbox.open()
})
afterEach(async () => {
  for (const delivery of running.splice(0)) await delivery.stop()
  await outbox.remove()
})

async function begin(
  plugins: readonly ConfiguredPlugin[] | (() => readonly ConfiguredPlugin[]),
  options: Partial<DeliveryOptions> = {},
) {
  const log = keptLog()
  const delivery = new Delivery({
    database,
    clock: systemClock,
    random: seededRandom(1),
    log,
    configured: typeof plugins === 'function' ? plugins : () => plugins,
    portalUrl: () => 'https://portal',
    ...options,
  })
  running.push(delivery)
  await delivery.start()
  const tell = async (...steps: readonly ReturnType<typeof alarmStep>[]) => {
    await database.write(delivery.statementsFor(steps))
    delivery.wake()
  }
  return { delivery, tell, log }
}

const ledgerOf = async (delivery: Delivery) =>
  (await delivery.ledger())
    .map((row) => `${row.plugin}: ${row.event.alarm.id} ${row.event.event} ${row.state}`)
    .reverse()

test('each step of an alarm is delivered once to every plugin that sends alarms, in order', async () => {
  const [a, b] = [scripted(() => ok), scripted(() => ok)]
  const { delivery, tell } = await begin([configure('a', a.plugin), configure('b', b.plugin)])
  await tell(alarmStep('disk', 'raised'), alarmStep('disk', 'cleared'))
  await tell(alarmStep('disk', 'raised'))
  await eventually(async () =>
    expect(await ledgerOf(delivery)).toEqual([
      'a: disk raised delivered',
      'a: disk cleared delivered',
      'b: disk raised delivered',
      'b: disk cleared delivered',
    ]),
  )
  expect([a.got, b.got]).toEqual([
    ['disk raised', 'disk cleared'],
    ['disk raised', 'disk cleared'],
  ])
})

test('cleared never overtakes a raised that has to be tried again, and another alarm does not wait for it', async () => {
  const clock = new ManualClock()
  let down = true
  const hook = scripted((name) => (name === 'disk raised' && down ? later : ok))
  const { delivery, tell } = await begin([configure('hook', hook.plugin)], { clock })
  await tell(alarmStep('disk', 'raised'), alarmStep('disk', 'cleared'), alarmStep('web', 'raised'))
  await eventually(async () =>
    expect((await ledgerOf(delivery)).filter((row) => row.endsWith('queued'))).toHaveLength(3),
  )
  await eventually(async () => {
    clock.advance(1_000)
    expect((await ledgerOf(delivery))[2]).toBe('hook: web raised delivered')
  })
  down = false
  await eventually(async () => {
    clock.advance(1_000)
    expect(hook.got.at(-1)).toBe('disk cleared')
  })
  expect(hook.got.filter((name, i) => hook.got.indexOf(name) === i)).toEqual([
    'disk raised',
    'web raised',
    'disk cleared',
  ])
  expect(new Set(hook.keys).size).toBe(3)
})

test('what was sent but not recorded before a crash is sent again with the same key', async () => {
  let crash = () => {}
  const crashed = new Promise<void>((resolve) => (crash = resolve))
  const first = scripted(async () => {
    // The receiver has it; before anything is written down the database is gone, as after kill -9.
    await database.close()
    crash()
    return ok
  })
  const { tell } = await begin([configure('hook', first.plugin)])
  await tell(alarmStep('disk', 'raised'), alarmStep('disk', 'cleared'))
  await crashed
  await running.pop()!.stop()

  database = await outbox.open()
  const second = scripted(() => ok)
  const { delivery } = await begin([configure('hook', second.plugin)])
  await eventually(async () =>
    expect(await ledgerOf(delivery)).toEqual(['hook: disk raised delivered', 'hook: disk cleared delivered']),
  )
  expect(second.keys[0]).toBe(first.keys[0])
})

test('a plugin that hangs and one that throws harm no other', async () => {
  const hanging = scripted(() => new Promise(() => {}))
  const throwing = scripted(() => {
    throw new Error('the plugin is wrong about secret-word')
  })
  const well = scripted(() => ok)
  const { delivery, tell, log } = await begin(
    [
      configure('hanging', hanging.plugin),
      configure('throwing', throwing.plugin, { password: 'secret-word' }),
      configure('well', well.plugin),
    ],
    { bounds: { attemptTimeoutMs: 50 } },
  )
  await tell(alarmStep('disk', 'raised'), alarmStep('web', 'raised'))
  await eventually(async () => {
    const status = await delivery.status()
    expect(status.map((one) => [one.name, one.alarms?.delivered, one.alarms?.lastError])).toEqual([
      ['hanging', 0, 'the attempt was ended after 50ms without an outcome'],
      ['throwing', 0, 'the plugin is wrong about ***'],
      ['well', 2, null],
    ])
  })
  expect(JSON.stringify([log.lines, await delivery.ledger()])).not.toContain('secret-word')
})

test('a refused delivery is a dead letter that can be tried again or discarded', async () => {
  let answer: DeliveryOutcome = never
  const hook = scripted(() => answer)
  const { delivery, tell } = await begin([configure('hook', hook.plugin)])
  await tell(alarmStep('disk', 'raised'), alarmStep('web', 'raised'))
  await eventually(async () =>
    expect(await ledgerOf(delivery)).toEqual(['hook: disk raised dead', 'hook: web raised dead']),
  )
  const dead = await delivery.ledger({ state: 'dead' })
  expect(dead.map(({ message, attempts }) => ({ message, attempts }))).toEqual([
    { message: 'never', attempts: 1 },
    { message: 'never', attempts: 1 },
  ])
  answer = ok
  await delivery.discard(dead[0]!.id)
  await delivery.retry(dead[1]!.id)
  await eventually(async () =>
    expect(await ledgerOf(delivery)).toEqual(['hook: disk raised delivered', 'hook: web raised discarded']),
  )
  await expect(delivery.retry(dead[1]!.id)).rejects.toMatchObject({ code: 'conflict' })
  await expect(delivery.discard(999)).rejects.toMatchObject({ code: 'not-found' })
})

test('beyond the bound of its queue the oldest deliveries become dead letters with the reason', async () => {
  const hook = scripted(() => new Promise(() => {}))
  const { delivery, tell } = await begin([configure('hook', hook.plugin)], { bounds: { queueBound: 10 } })
  await tell(alarmStep('first', 'raised'))
  await eventually(() => expect(hook.got).toEqual(['first raised']))
  await tell(...Array.from({ length: 12 }, (_, i) => alarmStep(`alarm ${i}`, 'raised')))
  await eventually(async () => {
    const dead = await delivery.ledger({ state: 'dead' })
    expect(dead.map((row) => [row.event.alarm.id, row.message]).at(-1)).toEqual([
      'alarm 0',
      'dropped: more than 10 deliveries were waiting for this plugin',
    ])
  })
})

test('the queue of a plugin that is taken out of the configuration becomes dead letters', async () => {
  const hook = scripted(() => later)
  let plugins = [configure('hook', hook.plugin)]
  const { delivery, tell } = await begin(() => plugins)
  await tell(alarmStep('disk', 'raised'))
  await eventually(() => expect(hook.got).toHaveLength(1))
  plugins = []
  await delivery.configurationChanged()
  const ledger = await delivery.ledger()
  expect(ledger.map(({ state, message }) => ({ state, message }))).toEqual([
    { state: 'dead', message: 'the plugin is not configured to send alarms any more' },
  ])
})

test('changed settings are tried at once, whatever wait was going on', async () => {
  const clock = new ManualClock()
  let answer: DeliveryOutcome = later
  const hook = scripted(() => answer)
  const { delivery, tell } = await begin([configure('hook', hook.plugin)], { clock })
  await tell(alarmStep('disk', 'raised'))
  await eventually(async () => expect((await delivery.ledger())[0]?.attempts).toBe(1))
  answer = ok
  await delivery.configurationChanged()
  await eventually(async () => expect(await ledgerOf(delivery)).toEqual(['hook: disk raised delivered']))
})

test('a receiver that asks to be left alone is left alone with every alarm', async () => {
  const clock = new ManualClock()
  const at: number[] = []
  const hook = scripted(() => {
    at.push(clock.elapsed())
    return at.length === 1 ? { delivered: false, retry: true, afterMs: 60_000, message: 'not now' } : ok
  })
  const { delivery, tell } = await begin([configure('hook', hook.plugin)], { clock })
  await tell(alarmStep('disk', 'raised'), alarmStep('web', 'raised'))
  await eventually(async () => expect((await delivery.status())[0]?.alarms?.failuresInARow).toBe(1))
  await eventually(async () => {
    clock.advance(5_000)
    expect((await delivery.status())[0]?.alarms?.delivered).toBe(2)
  })
  expect(at.filter((moment) => moment > 0 && moment < 60_000)).toEqual([])
})

test('a test is answered with its outcome and kept nowhere', async () => {
  const tests: boolean[] = []
  const hook = scripted((_, context) => {
    tests.push(context.test)
    return { delivered: false, retry: false, message: 'wrong password hunter22' }
  })
  const { delivery } = await begin([])
  const outcome = await delivery.sendTest(configure('new', hook.plugin, { password: 'hunter22' }))
  expect([{ ...outcome, durationMs: 0 }, tests, await delivery.ledger()]).toEqual([
    { delivered: false, message: 'wrong password ***', durationMs: 0 },
    [true],
    [],
  ])
})

test('the ledger forgets what is older than it is told to keep', async () => {
  const clock = new ManualClock()
  const hook = scripted(() => ok)
  const { delivery, tell } = await begin([configure('hook', hook.plugin)], { clock, bounds: { pollMs: 3_600_000 } })
  await tell(alarmStep('disk', 'raised'))
  await eventually(async () => expect(await ledgerOf(delivery)).toEqual(['hook: disk raised delivered']))
  clock.advance(31 * 86_400_000)
  await eventually(async () => {
    // Its timer may be set only after the time above went by.
    clock.advance(3_600_000)
    expect(await ledgerOf(delivery)).toEqual([])
  })
})
