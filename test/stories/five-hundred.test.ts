import { createSocket } from 'node:dgram'
import { expect, test } from 'vitest'
import { CountingTarget } from '../support/counting-target.ts'
import { TestInstance, toYaml, until } from '../support/instance.ts'
import { startPostgres } from '../servers/postgres.ts'
import { startNginx } from '../servers/nginx.ts'

/** Answers every question with 127.0.0.1; enough of DNS for what a lookup asks. */
async function startDns(): Promise<AsyncDisposable & { port: number }> {
  const socket = createSocket('udp4')
  socket.on('message', (question, from) => {
    const answer = Buffer.concat([
      question.subarray(0, question.length),
      Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]),
    ])
    answer.writeUInt16BE(0x8580, 2)
    answer.writeUInt16BE(1, 6)
    // Additional records of the question (EDNS) are not repeated.
    const end = questionEnd(question)
    socket.send(
      Buffer.concat([answer.subarray(0, end), answer.subarray(answer.length - 16)]).fill(0, 8, 12),
      from.port,
      from.address,
    )
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    port: socket.address().port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => void socket.close(() => resolve())),
  }
}

function questionEnd(message: Buffer): number {
  let at = 12
  while (message[at] !== 0) at += message[at]! + 1
  return at + 5
}

test(
  'a document with 500 HTTP, TCP, DNS, ping and PostgreSQL tasks runs at its periods with full coverage',
  { timeout: 240_000 },
  async () => {
    await using target = await CountingTarget.start()
    await using dns = await startDns()
    const nginx = await startNginx()
    const postgres = await startPostgres()
    await using instance = await TestInstance.start({
      env: { FARWATCH_PROCESSES: '2', SHOP_PASSWORD: postgres.password },
    })
    try {
      const connectors = (count: number, make: (i: number) => object) =>
        Array.from({ length: count }, (_, i) => ({ name: `c${i}`, ...make(i) }))
      const document = {
        profiles: [
          { name: 'p-http', connector: 'http', monitors: [{ monitor: 'http.response', period: '5s' }] },
          { name: 'p-tcp', connector: 'tcp', monitors: [{ monitor: 'tcp.port', period: '5s' }] },
          {
            name: 'p-dns',
            connector: 'dns',
            monitors: [{ monitor: 'dns.lookup', period: '5s', settings: { name: 'shop.example.net' } }],
          },
          { name: 'p-ping', connector: 'icmp', monitors: [{ monitor: 'ping', period: '10s' }] },
          { name: 'p-pg', connector: 'postgresql', monitors: [{ monitor: 'postgresql', period: '10s' }] },
        ],
        groups: [
          {
            name: 'acme',
            credentials: [{ name: 'db', type: 'basic', username: postgres.user, secret: { env: 'SHOP_PASSWORD' } }],
            systems: [
              {
                name: 'web',
                type: 'web',
                connectors: connectors(200, (i) => ({
                  type: 'http',
                  settings: { url: i % 2 === 0 ? `${target.url}/c${i}` : `http://127.0.0.1:${nginx.port}/` },
                  profiles: ['p-http'],
                })),
              },
              {
                name: 'ports',
                connectors: connectors(150, () => ({
                  type: 'tcp',
                  settings: { host: '127.0.0.1', port: nginx.port },
                  profiles: ['p-tcp'],
                })),
              },
              {
                name: 'names',
                connectors: connectors(90, () => ({
                  type: 'dns',
                  settings: { server: `127.0.0.1:${dns.port}` },
                  profiles: ['p-dns'],
                })),
              },
              {
                name: 'hosts',
                connectors: connectors(40, (i) => ({
                  type: 'icmp',
                  settings: { host: `127.0.0.${i + 1}` },
                  profiles: ['p-ping'],
                })),
              },
              {
                name: 'database',
                connectors: connectors(20, () => ({
                  type: 'postgresql',
                  settings: { host: '127.0.0.1', port: postgres.port, database: 'postgres', tls: 'off' },
                  credential: 'db',
                  profiles: ['p-pg'],
                })),
              },
            ],
          },
        ],
      }
      const applied = await instance.cli(['apply', '-f', '-'], {
        stdin: toYaml(document),
        env: { SHOP_PASSWORD: postgres.password },
      })
      expect(applied).toMatchObject({ code: 0, stderr: '' })

      const tasks = await instance.call('listTasks', { query: { group: 'acme' } })
      const count = async () =>
        (await instance.call('listTasks', { query: { group: 'acme' } })).filter((task) => task.lastOutcome !== null)
          .length
      await until('every task ran', count, (ran) => ran === 500, 60_000)
      const from = Date.now()
      // Every slot of 30 seconds: 440 tasks at 5 s and 60 at 10 s.
      const slots = 440 * 6 + 60 * 3
      const coverage = await until(
        'every slot of 30 seconds has ended',
        () =>
          instance.call('showCoverage', {
            query: { group: 'acme', from: String(from), to: String(from + 30_000) },
          }),
        ({ outcomes }) => Object.values(outcomes).reduce((sum, count) => sum + count, 0) === slots,
        90_000,
      )
      const failing = (await instance.call('listTasks', { query: { group: 'acme', outcome: 'failed' } })).map(
        (task) => `${task.monitor} ${task.lastMessage}`,
      )
      expect({
        tasks: tasks.length,
        failing: failing.slice(0, 3),
        share: coverage.share,
        outcomes: Object.keys(coverage.outcomes).filter((outcome) => (coverage.outcomes[outcome] ?? 0) > 0),
      }).toEqual({ tasks: 500, failing: [], share: 1, outcomes: ['ran'] })
      expect(coverage.outcomes['ran']).toBe(slots)
    } finally {
      await Promise.all([nginx.stop(), postgres.stop()])
    }
  },
)
