import { createSocket } from 'node:dgram'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { monitors } from '../monitors/index.ts'
import {
  checkDeclared,
  credentialTypes,
  messageOf,
  NotRecorded,
  RunRecorder,
  TargetError,
  type OpenCredential,
} from '../sdk/index.ts'
import { collectOnce, collectRecorded, leastSettings } from '../sdk/testing.ts'
import { connectors } from './index.ts'

// A target that repeats whatever it is told, credentials as well, as the worst of error pages do.
const sockets = new Set<Socket>()
const parrot = createServer((socket) => {
  sockets.add(socket)
  socket.on('error', () => undefined)
  socket.on('data', (said) =>
    socket.end(`HTTP/1.1 400 ${said.toString('latin1').replace(/\s+/g, ' ')}\r\n\r\n${said.toString('latin1')}`),
  )
})
let port = 0
let mutePort = 0
beforeAll(async () => {
  parrot.listen(0, '127.0.0.1')
  await once(parrot, 'listening')
  port = (parrot.address() as AddressInfo).port
  mute.listen(0, '127.0.0.1')
  await once(mute, 'listening')
  mutePort = (mute.address() as AddressInfo).port
  muteUdp.bind(0, '127.0.0.1')
  await once(muteUdp, 'listening')
})
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  muteUdp.close()
  for (const server of [parrot, mute]) {
    server.close()
    await once(server, 'close')
  }
})

const mute = createServer((socket) => {
  sockets.add(socket)
  socket.on('error', () => undefined)
})

const muteUdp = createSocket('udp4')

const secret = 'geheimnis-7f3a'

/** As the masks of the program do, for the one secret of these stories. */
const mask = Object.assign(
  (text: string) =>
    [secret, Buffer.from(secret).toString('base64'), Buffer.from(`monitor:${secret}`).toString('base64')].reduce(
      (masked, form) => masked.replaceAll(form, '***'),
      text,
    ),
  { bytes: (text: string) => text.replaceAll(secret, '***') },
)

/** Settings that lead to the parrot where the type leads anywhere. */
function settingsTowards(id: string): Record<string, unknown> {
  switch (id) {
    case 'http':
    case 'jolokia':
    case 'kubernetes':
    case 'rabbitmq':
      return { url: `http://127.0.0.1:${port}/?token=${secret}` }
    case 'dns':
      return { server: '127.0.0.1:1' }
    case 'exec':
    case 'local':
      return {}
    case 'icmp':
      return { host: '127.0.0.1' }
    case 'imap':
    case 'ldap':
    case 'smtp':
      // In the clear, so that the parrot hears the password.
      return { host: '127.0.0.1', port, tls: 'off' }
    case 'grpc':
    case 'mqtt':
      return { host: '127.0.0.1', port, tls: false }
    case 'kafka':
      return { host: '127.0.0.1', port, tls: false, mechanism: 'PLAIN' }
    case 'radius':
      return { host: '127.0.0.1', port, tryFor: '100ms', tries: 1 }
    default:
      return { host: '127.0.0.1', port }
  }
}

/** A credential that a client can be opened with. Client certificates must be real ones; the tests with real servers show those. */
function credentialFor(types: readonly (keyof typeof credentialTypes)[]): OpenCredential[] {
  const all: OpenCredential[] = [
    { type: 'basic', fields: { username: 'monitor', secret } },
    { type: 'token', fields: { secret } },
    { type: 'header', fields: { header: 'x-api-key', secret } },
    { type: 'ssh-key', fields: { username: 'monitor', secret } },
    { type: 'snmp-community', fields: { secret } },
    { type: 'radius', fields: { secret, username: 'monitor', password: secret } },
    {
      type: 'snmp-user',
      fields: { username: 'monitor', authentication: 'SHA', secret, privacy: 'DES', privacySecret: secret },
    },
  ]
  return all.filter((one) => types.includes(one.type))
}

test('connector ids are unique and each has a monitor that uses it', () => {
  const ids = connectors.map((one) => one.id)
  const used = new Set<string>(monitors.flatMap((one) => one.connectors))
  expect([new Set(ids).size, ids.filter((id) => !used.has(id))]).toEqual([ids.length, []])
})

test('a monitor on a connector that takes a credential says what it needs on the target', () => {
  const signsIn = new Set(connectors.filter(({ credentials }) => credentials.length > 0).map(({ id }) => id))
  const silent = monitors.filter(
    ({ connectors: types, needs, grant }) =>
      types.some((type) => signsIn.has(type)) && (needs ?? grant ?? '').trim() === '',
  )
  expect(silent.map(({ id }) => id)).toEqual([])
})

// There the account is one of the customer's own program, which nobody can write down beforehand.
const ownAccounts: readonly string[] = ['grpc', 'http', 'imap', 'smtp']
test('a monitor that needs something on the target says how it is granted, ready to paste', () => {
  const silent = monitors.filter(
    ({ connectors: types, needs = 'Nothing', grant = '' }) =>
      !needs.startsWith('Nothing') && grant.trim() === '' && !types.every((type) => ownAccounts.includes(type)),
  )
  expect(silent.map(({ id }) => id)).toEqual([])
})

for (const connector of connectors) {
  describe(connector.id, () => {
    test('takes its least settings and names a target', () => {
      const checked = checkDeclared(
        connector,
        { ...leastSettings(connector.settings), ...settingsTowards(connector.id) },
        'c',
      )
      const target = checked.ok ? connector.target(checked.value) : checked.problems
      expect([typeof target, String(target).includes(secret)]).toEqual(['string', false])
    })

    test('keeps secrets out of every message and every recording, and plays back what was recorded', async () => {
      const checked = checkDeclared(connector, settingsTowards(connector.id), 'c')
      if (!checked.ok) throw new Error(checked.problems[0]?.message)
      const said: string[] = []
      const notRecorded: string[] = []
      const run = async (monitor: (typeof monitors)[number], credential: OpenCredential | undefined) => {
        const client = connector.open(checked.value, credential)
        const recorder = new RunRecorder({ mask, now: () => 0 })
        const settings = leastSettings(monitor.settings)
        const seen = collectOnce(monitor, settings, {
          client: recorder.wrap(client),
          now: recorder.now,
          signal: AbortSignal.timeout(500),
        })
        said.push(
          await seen.then(({ failure, facts, message }) => JSON.stringify([failure, facts, message]), messageOf),
        )
        await client.close?.()
        const recording = JSON.stringify({
          farwatchRecording: 1,
          monitor: monitor.id,
          connector: connector.id,
          madeAt: '',
          version: '',
          settings,
          connectorSettings: {},
          runs: [recorder.done({ plannedAt: 0 })],
        })
        said.push(recording)
        const again = await collectRecorded(monitor, recording).catch((thrown: unknown) => thrown)
        if (again instanceof NotRecorded) notRecorded.push(`${monitor.id}: ${again.message}`)
      }
      // All at once: where the target is waited for, each takes all of its time.
      await Promise.all(
        [undefined, ...credentialFor(connector.credentials)].flatMap((credential) =>
          monitors.filter((one) => one.connectors.includes(connector.id)).map((monitor) => run(monitor, credential)),
        ),
      )
      expect([said.filter((one) => one.includes(secret)), notRecorded]).toEqual([[], []])
    })
  })
}

for (const connector of connectors.filter(({ discovery }) => discovery !== undefined)) {
  const discovery = connector.discovery!
  test(`${connector.id} proposes what it takes itself, whatever a port says`, async () => {
    const wrong: unknown[] = []
    for (const place of [
      { host: '127.0.0.1', port },
      { host: '127.0.0.1', port: mutePort },
    ]) {
      const proposals = await discovery.identify(place, AbortSignal.timeout(400)).catch((thrown: unknown) => {
        if (!(thrown instanceof TargetError)) throw thrown
        return []
      })
      for (const proposal of proposals) {
        const takes =
          checkDeclared(connector, proposal.settings, 'c').ok &&
          (proposal.credential === undefined || connector.credentials.includes(proposal.credential)) &&
          (proposal.monitors ?? []).every(({ monitor, settings }) => {
            const declared = monitors.find(({ id }) => id === monitor)
            return declared?.connectors.includes(connector.id) === true && checkDeclared(declared, settings, 'm').ok
          }) &&
          (proposal.monitors === undefined) === (proposal.profile === undefined)
        if (!takes) wrong.push(proposal)
      }
    }
    expect(wrong).toEqual([])
  })

  test(`${connector.id} stops asking who is there when it is told to`, async () => {
    const stopped = new AbortController()
    const asked = discovery.identify({ host: '127.0.0.1', port: mutePort }, stopped.signal).then(
      () => 'ended',
      () => 'ended',
    )
    stopped.abort()
    expect(await endsSoon(asked)).toBe('ended')
  })
}

/** Its outcome, or that there is none: by the turns of the event loop, which a busy machine makes late for all of it. */
function endsSoon<T>(work: Promise<T>): Promise<T | 'goes on'> {
  const { promise, resolve } = Promise.withResolvers<'goes on'>()
  const patience = setTimeout(() => setImmediate(() => resolve('goes on')), 1_500)
  return Promise.race([work, promise]).finally(() => clearTimeout(patience))
}

// way → what its monitor asks of a target that accepts and then says nothing
const mutes: [string, () => Record<string, unknown>, string, Record<string, unknown>][] = [
  ['http', () => ({ url: `http://127.0.0.1:${mutePort}/` }), 'http.response', {}],
  ['http', () => ({ url: `http://127.0.0.1:${mutePort}/` }), 'http.response', { reuseConnection: true }],
  ['http', () => ({ url: `https://127.0.0.1:${mutePort}/` }), 'http.response', {}],
  ['http', () => ({ url: 'https://shop.example/', proxy: `http://127.0.0.1:${mutePort}` }), 'http.response', {}],
  ['tcp', () => ({ host: '127.0.0.1', port: mutePort }), 'tls.certificate', {}],
  ['tcp', () => ({ host: '127.0.0.1', port: mutePort }), 'tcp.port', { expect: 'x' }],
  ['mongodb', () => ({ host: '127.0.0.1', port: mutePort }), 'mongodb', {}],
  ['mssql', () => ({ host: '127.0.0.1', port: mutePort }), 'mssql', {}],
  ['mysql', () => ({ host: '127.0.0.1', port: mutePort }), 'mysql', {}],
  ['redis', () => ({ host: '127.0.0.1', port: mutePort }), 'redis', {}],
  ['redis', () => ({ host: '127.0.0.1', port: mutePort, tls: 'verify' }), 'redis', {}],
  ['oracle', () => ({ host: '127.0.0.1', port: mutePort }), 'oracle', {}],
  ['hana', () => ({ host: '127.0.0.1', port: mutePort }), 'hana.memory', {}],
  ['hana', () => ({ host: '127.0.0.1', port: mutePort, tls: 'off' }), 'hana.availability', {}],
  ['ssh', () => ({ host: '127.0.0.1', port: mutePort }), 'host.linux', {}],
  ['winrm', () => ({ host: '127.0.0.1', port: mutePort }), 'host.windows', {}],
  ['snmp', () => ({ host: '127.0.0.1', port: muteUdp.address().port, retries: 5 }), 'snmp.interfaces', {}],
  ['ntp', () => ({ host: '127.0.0.1', port: muteUdp.address().port }), 'ntp', {}],
  ['rabbitmq', () => ({ url: `http://127.0.0.1:${mutePort}` }), 'rabbitmq.node', {}],
  ['jolokia', () => ({ url: `http://127.0.0.1:${mutePort}/jolokia` }), 'jvm', {}],
  ['kubernetes', () => ({ url: `https://127.0.0.1:${mutePort}` }), 'kubernetes.nodes', {}],
  ['ldap', () => ({ host: '127.0.0.1', port: mutePort }), 'ldap.bind', {}],
  ['ldap', () => ({ host: '127.0.0.1', port: mutePort, tls: 'off' }), 'ldap.bind', {}],
  ['mqtt', () => ({ host: '127.0.0.1', port: mutePort }), 'mqtt.broker', {}],
  ['mqtt', () => ({ host: '127.0.0.1', port: mutePort, tls: false }), 'mqtt.broker', {}],
  ['smtp', () => ({ host: '127.0.0.1', port: mutePort }), 'smtp.session', {}],
  ['imap', () => ({ host: '127.0.0.1', port: mutePort }), 'imap.session', {}],
  ['grpc', () => ({ host: '127.0.0.1', port: mutePort, tls: false }), 'grpc.health', {}],
  ['kafka', () => ({ host: '127.0.0.1', port: mutePort, tls: false }), 'kafka.cluster', {}],
  ['radius', () => ({ host: '127.0.0.1', port: muteUdp.address().port }), 'radius.auth', {}],
  ['postgresql', () => ({ host: '127.0.0.1', port: mutePort }), 'postgresql', {}],
  ['sapcontrol', () => ({ host: '127.0.0.1', port: mutePort }), 'sap.processes', {}],
  ['sapcontrol', () => ({ host: '127.0.0.1', port: mutePort, tls: 'off' }), 'sap.queues', {}],
  ['sap-http', () => ({ host: '127.0.0.1', port: mutePort, tls: 'off' }), 'sap.http', {}],
  ['postgresql', () => ({ host: '127.0.0.1', port: mutePort, tls: 'off' }), 'postgresql', {}],
]
test.each(mutes)('%s is told to stop waiting for a mute target', async (id, towards, monitorId, settings) => {
  const connector = connectors.find((one) => one.id === id)!
  const checked = checkDeclared(connector, towards(), 'c')
  if (!checked.ok) throw new Error(checked.problems[0]?.message)
  const client = connector.open(checked.value, credentialFor(connector.credentials)[0])
  const time = new AbortController()
  const run = collectOnce(
    monitors.find((one) => one.id === monitorId)!,
    settings,
    { client, signal: time.signal },
  ).then(
    () => 'an answer',
    (thrown: unknown) => (thrown instanceof TargetError ? thrown.reason : thrown),
  )
  // What it makes of a mute target it has begun by then; and before it had, it stops as well.
  await wait(100)
  time.abort()
  const reason = await endsSoon(run)
  await client.close?.()
  expect(reason).toBe('timed out')
})
