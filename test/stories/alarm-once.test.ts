import { createServer } from 'node:http'
import { createHmac } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'
import { expect, test } from 'vitest'
import { CountingTarget } from '../support/counting-target.ts'
import { TestInstance, until } from '../support/instance.ts'

/** A kept mail server and a kept webhook receiver: all they got, in order. */
class Receivers implements AsyncDisposable {
  readonly mails: { alarm: string; event: string }[] = []
  readonly hooks: { alarm: string; event: string; key: string; signed: boolean; severity: string }[] = []
  readonly #smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, _session, done) => {
      void simpleParser(stream).then((mail) => {
        const said = (header: string) => String(mail.headers.get(header))
        this.mails.push({ alarm: said('x-farwatch-alarm'), event: said('x-farwatch-event') })
        done()
      })
    },
  })
  readonly #http = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.once('end', () => {
      const body = Buffer.concat(parts).toString('utf8')
      const { event, alarm } = JSON.parse(body) as { event: string; alarm: { id: string; severity: string } }
      const signature = String(request.headers['x-farwatch-signature'])
      this.hooks.push({
        alarm: alarm.id,
        event,
        key: String(request.headers['idempotency-key']),
        signed: signature.endsWith(createHmac('sha256', 'hook secret').update(body).digest('hex')),
        severity: alarm.severity,
      })
      response.end()
    })
  })

  static async start(): Promise<Receivers> {
    const receivers = new Receivers()
    await Promise.all([
      new Promise<void>((resolve) => void receivers.#http.listen(0, '127.0.0.1', resolve)),
      new Promise<void>((resolve) => void receivers.#smtp.listen(0, '127.0.0.1', resolve)),
    ])
    return receivers
  }

  get hookPort(): number {
    return (this.#http.address() as AddressInfo).port
  }

  get mailPort(): number {
    return (this.#smtp.server.address() as AddressInfo).port
  }

  /** What both got of one alarm. */
  of(id: string) {
    return {
      mails: this.mails.filter(({ alarm }) => alarm === id).map(({ event }) => event),
      hooks: this.hooks.filter(({ alarm }) => alarm === id),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http.closeAllConnections()
    await Promise.all([
      new Promise((resolve) => this.#http.close(resolve)),
      new Promise<void>((resolve) => this.#smtp.close(resolve)),
    ])
  }
}

test(
  'stopping a target raises one alarm, one mail and one webhook, and starting it clears each once',
  { timeout: 300_000 },
  async () => {
    await using target = await CountingTarget.start()
    await using receivers = await Receivers.start()
    await using instance = await TestInstance.start()
    await instance.call('applyConfiguration', {
      query: {},
      body: {
        profiles: [{ name: 'web', connector: 'http', monitors: [{ monitor: 'http.response', period: '1s' }] }],
        groups: [
          {
            name: 'acme',
            systems: [
              {
                name: 'shop',
                connectors: [{ name: 'front', type: 'http', settings: { url: target.url }, profiles: ['web'] }],
              },
            ],
          },
        ],
        plugins: [
          {
            name: 'hook',
            plugin: 'webhook',
            settings: { url: `http://127.0.0.1:${receivers.hookPort}/hook`, secret: { value: 'hook secret' } },
            sends: ['alarms'],
          },
          {
            name: 'mail',
            plugin: 'email',
            settings: {
              host: '127.0.0.1',
              port: receivers.mailPort,
              security: 'none',
              from: 'farwatch@example.net',
              to: ['night@example.net'],
            },
            sends: ['alarms'],
          },
        ],
      },
    })
    const alarms = () => instance.call('listAlarms', { query: { system: 'shop' } })
    const results = async () => {
      const [task] = await instance.call('listTasks', { query: { group: 'acme' } })
      return instance.call('listResults', { params: { id: task!.id }, query: {} })
    }

    await until('the target is measured', results, (all) => all.some((result) => result.outcome === 'ran'))
    await target.stop()
    await until('the alarm is raised', alarms, (all) => all.some((alarm) => alarm.state === 'raised'))
    const failures = (await results()).filter((result) => result.outcome === 'failed').length
    await until(
      'more failing runs change nothing',
      results,
      (all) => all.filter((result) => result.outcome === 'failed').length >= failures + 3,
    )
    // Of the alarm that is open now: on a busy machine the target may be too slow before and after, which is another one.
    const sinceMs = Date.now()
    const [open] = (await alarms()).filter((alarm) => alarm.state === 'raised')
    const { id } = open!
    const heard = (times: number) =>
      until(
        `both receivers heard of it ${times} times, and nothing waits any more`,
        async () => ({ ...receivers.of(id), plugins: await instance.call('listPlugins') }),
        ({ mails, hooks, plugins }) =>
          mails.length >= times &&
          hooks.length >= times &&
          plugins.every((plugin) => plugin.queued + plugin.inFlight === 0),
      )

    // A crash in the middle of the night must not tell anybody twice. Only what was under way when it came may be repeated, under its key.
    await heard(1)
    await instance.kill()
    await instance.start()
    await instance.signIn()
    const untilMs = Date.now()
    await target.listen()
    await until(
      'the alarm is cleared',
      () => instance.call('showAlarm', { params: { id } }),
      ({ state }) => state === 'cleared',
    )
    const { mails, hooks } = await heard(2)
    const ofNight = (await alarms()).filter(
      ({ raisedAt, clearedAt }) =>
        Date.parse(raisedAt) < untilMs && (clearedAt === null || Date.parse(clearedAt) > sinceMs),
    )
    expect({
      alarms: ofNight.map((alarm) => `${alarm.state} ${alarm.severity}`),
      hooks: hooks.map((hook) => `${hook.event} ${hook.severity} ${hook.signed ? 'signed' : 'forged'}`),
      keys: new Set(hooks.map((hook) => hook.key)).size,
      mails,
    }).toEqual({
      alarms: ['cleared CRITICAL'],
      hooks: ['raised CRITICAL signed', 'cleared CRITICAL signed'],
      keys: 2,
      mails: ['raised', 'cleared'],
    })
  },
)
