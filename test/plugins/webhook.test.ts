import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { seededRandom } from '../../src/base/index.ts'
import { Delivery } from '../../src/delivery/index.ts'
import { eventually, keptLog, temporaryOutbox } from '../../src/delivery/testing.ts'
import { systemClock, type Database } from '../../src/platform/index.ts'
import webhook from '../../src/plugins/webhook.ts'
import { checkPluginSettings } from '../../src/sdk/index.ts'
import { alarmStep } from '../../src/sdk/testing.ts'

const outbox = { current: temporaryOutbox() }
const closers: (() => Promise<unknown>)[] = []
let database: Database

beforeEach(async () => {
  outbox.current = temporaryOutbox()
  database = await outbox.current.open()
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  await outbox.current.remove()
})

/** A receiver that checks signatures, drops repeats by key, and answers as it is told. */
async function startReceiver(secret: string, statuses: readonly number[]) {
  const taken: string[] = []
  const answered: number[] = []
  const keys = new Set<string>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
      const status = signature === request.headers['x-farwatch-signature'] ? (statuses[answered.length] ?? 200) : 401
      answered.push(status)
      const key = String(request.headers['idempotency-key'])
      if (status === 200 && !keys.has(key)) {
        keys.add(key)
        const { event, alarm } = JSON.parse(body.toString()) as { event: string; alarm: { id: string } }
        taken.push(`${alarm.id} ${event}`)
      }
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => new Promise((resolve) => server.close(resolve)))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, taken, answered }
}

async function begin(settings: Record<string, unknown>) {
  const checked = checkPluginSettings(webhook, settings, '')
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems))
  const log = keptLog()
  const delivery = new Delivery({
    database,
    clock: systemClock,
    random: seededRandom(7),
    log,
    configured: () => [{ name: 'hook', plugin: webhook, settings: checked.value, sends: ['alarms'] }],
    portalUrl: () => '',
  })
  closers.push(() => delivery.stop())
  await delivery.start()
  return { delivery, log }
}

test('a receiver that fails for a while gets each step once, in order, signed', async () => {
  const receiver = await startReceiver('key', [503, 200, 500])
  const { delivery } = await begin({ url: receiver.url, secret: 'key' })
  await database.write(delivery.statementsFor([alarmStep('disk', 'raised'), alarmStep('disk', 'cleared')]))
  delivery.wake()
  await eventually(() => expect(receiver.taken).toEqual(['disk raised', 'disk cleared']))
  expect(receiver.answered).toEqual([503, 200, 500, 200])
})

test('a wrong secret ends as a dead letter that names the answer and no secret', async () => {
  const receiver = await startReceiver('right', [])
  const { delivery, log } = await begin({ url: receiver.url, secret: 'wrong-secret' })
  await database.write(delivery.statementsFor([alarmStep('disk', 'raised')]))
  delivery.wake()
  await eventually(async () =>
    expect((await delivery.ledger()).map(({ state, message }) => ({ state, message }))).toEqual([
      { state: 'dead', message: 'the receiver answered HTTP 401' },
    ]),
  )
  expect(log.lines.join('\n')).not.toContain('wrong-secret')
})

test('an alarm that was stored before a crash leaves after the next start', async () => {
  const receiver = await startReceiver('', [])
  const before = new Delivery({
    database,
    clock: systemClock,
    random: seededRandom(7),
    log: keptLog(),
    configured: () => [{ name: 'hook', plugin: webhook, settings: {}, sends: ['alarms'] }],
    portalUrl: () => '',
  })
  await database.write(before.statementsFor([alarmStep('disk', 'raised')]))
  await database.close()
  database = await outbox.current.open()
  await begin({ url: receiver.url })
  await eventually(() => expect(receiver.taken).toEqual(['disk raised']))
})
