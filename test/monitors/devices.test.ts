import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectors } from '../../src/connectors/index.ts'
import { monitors } from '../../src/monitors/index.ts'
import { checkDeclared, TargetError, type Item, type OpenCredential } from '../../src/sdk/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { startChrony } from '../servers/chrony.ts'
import { freePort } from '../servers/processes.ts'
import { startSnmpd, type Snmpd } from '../servers/snmpd.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

let device: Snmpd
let place: Record<string, unknown>
let community: OpenCredential
beforeAll(async () => {
  device = await startSnmpd()
  place = { host: 'localhost', port: device.port, answerWithin: '5s' }
  community = { type: 'snmp-community', fields: { secret: device.community } }
})
afterAll(() => device?.stop())

type User = Extract<OpenCredential, { type: 'snmp-user' }>['fields']
const user = (fields: Partial<User>): OpenCredential => ({
  type: 'snmp-user',
  fields: {
    username: 'sha',
    authentication: 'SHA',
    secret: device.passphrase,
    privacy: 'AES-128',
    privacySecret: device.privacyPassphrase,
    ...fields,
  },
})

// who asks, and how → the device tells its name
const ways: [string, () => [Record<string, unknown>, OpenCredential]][] = [
  ['version 1', () => [{ version: '1' }, community]],
  ['version 2c', () => [{}, community]],
  ['version 3, SHA and AES', () => [{}, user({})]],
  [
    'version 3, SHA-256 and AES-256',
    () => [{}, user({ username: 'sha256', authentication: 'SHA-256', privacy: 'AES-256-Blumenthal' })],
  ],
  ['version 3, MD5 and DES', () => [{}, user({ username: 'md5', authentication: 'MD5', privacy: 'DES' })]],
  ['version 3 without encryption', () => [{}, user({ username: 'open', privacy: 'none' })]],
  ['version 3 without any secret', () => [{}, user({ username: 'nobody', authentication: 'none', privacy: 'none' })]],
]
test.each(ways)('%s is spoken', async (_, way) => {
  const [settings, credential] = way()
  const seen = await measured('snmp.system', { ...place, ...settings }, {}, { credential })
  expectSound(theOne(monitors, 'snmp.system'), seen, [device.community, device.passphrase, device.privacyPassphrase])
  expect([
    seen.facts?.['name'],
    seen.facts?.['maker'],
    seen.facts?.['location'],
    Number(seen.metrics['uptime']) >= 0,
  ]).toEqual(['test-device', 'net-snmp', 'shelf', true])
})

// what is wrong → the failure, with the port written as PORT
const wrong: [string, () => [Record<string, unknown>, OpenCredential], string][] = [
  [
    'the community',
    () => [
      { answerWithin: '100ms', retries: 0 },
      { type: 'snmp-community', fields: { secret: 'wrong' } },
    ],
    'timed out: localhost:PORT sent no answer in time; to a community that it does not know a device says nothing either',
  ],
  ['the user', () => [{}, user({ username: 'eve' })], 'credentials: localhost:PORT does not know this user'],
  [
    'the passphrase',
    () => [{}, user({ secret: 'wrong-passphrase' })],
    'credentials: localhost:PORT refused the authentication: the passphrase or its method is wrong',
  ],
  [
    'the level',
    () => [{}, user({ username: 'open' })],
    'credentials: localhost:PORT does not accept this user with this authentication and encryption',
  ],
  [
    'a passphrase, too short',
    () => [{}, user({ secret: 'short' })],
    'configuration: the authentication passphrase of sha has less than 8 characters',
  ],
]
test.each(wrong)('%s is wrong', async (_, way, words) => {
  const [settings, credential] = way()
  const seen = await runMonitor('snmp.system', { ...place, ...settings }, {}, { credential })
  expect(seen.failed?.replaceAll(String(device.port), 'PORT')).toBe(words)
})

test('a wrong encryption passphrase, a closed port and a device that talks nonsense are told apart', async () => {
  const nonsense = createSocket('udp4').bind(0, '127.0.0.1')
  await once(nonsense, 'listening')
  nonsense.on('message', (_, from) => nonsense.send('nonsense', from.port, from.address))
  const closed = await freePort()
  const ask = async (settings: Record<string, unknown>, credential: OpenCredential) =>
    (await runMonitor('snmp.system', { ...place, retries: 0, ...settings }, {}, { credential })).failed?.replace(
      /:\d+/,
      ':PORT',
    )
  const seen = [
    // Only this one is waited out.
    await ask({ answerWithin: '200ms' }, user({ privacySecret: 'wrong-passphrase' })),
    await ask({ port: closed }, community),
    await ask({ port: nonsense.address().port }, community),
  ]
  nonsense.close()
  expect([seen[0]?.split(':')[0], seen[1], seen[2]]).toEqual([
    // net-snmp throws away what it cannot decrypt; other agents say so.
    expect.stringMatching(/^(timed out|credentials)$/),
    'refused: connection refused by localhost:PORT',
    'protocol: localhost:PORT answers with what is not SNMP',
  ])
})

test('interfaces are listed with their traffic, the loopback only where it is named', async () => {
  const monitor = theOne(monitors, 'snmp.interfaces')
  const named = { interfaces: ['lo'] }
  const first = await runMonitor('snmp.interfaces', place, named, { credential: community })
  const second = await measured('snmp.interfaces', place, named, { credential: community, previous: first.kept })
  const all = await measured('snmp.interfaces', { ...place, version: '1' }, {}, { credential: community })
  expectSound(monitor, second)
  const names = (items: number | readonly Item[] | undefined) =>
    typeof items === 'object' ? items.map((one) => one.labels['interface']) : []
  expect([
    names(second.metrics['oper_status']),
    names(second.metrics['received']),
    names(all.metrics['oper_status']).includes('lo'),
    judgedBy(monitor, second)['link down'],
  ]).toEqual([['lo'], ['lo'], false, undefined])
})

test('a machine says how it is', async () => {
  const monitor = theOne(monitors, 'snmp.host')
  const seen = await measured('snmp.host', place, { storage: ['/'] }, { credential: community })
  expectSound(monitor, seen)
  // How busy its processors are the agent knows a minute after its start.
  const { load1, processes, memory_total: memory, uptime } = seen.metrics
  expect([...[load1, processes, uptime].map((one) => typeof one), String(Number(memory) > 1e8)]).toEqual([
    'number',
    'number',
    'number',
    'true',
  ])
})

test('variables of one’s own are read, in numbers, texts that are numbers, and columns', async () => {
  const settings = {
    get: {
      since: '1.3.6.1.2.1.1.3.0',
      name: '1.3.6.1.2.1.1.5.0',
      extended: '.1.3.6.1.4.1.8072.1.3.2.3.1.1.5.119.111.114.100.115',
      nothing: '1.3.6.1.4.1.99999.1.0',
    },
    walk: { kind: '1.3.6.1.2.1.2.2.1.3' },
    itemNames: '1.3.6.1.2.1.31.1.1.1.1',
    scale: { extended: '10' },
  }
  const seen = await measured('snmp.values', place, settings, { credential: community })
  const byName = (name: string) => seen.more?.filter((one) => one.name === name)
  expect([
    byName('extended'),
    byName('since')?.map(({ unit }) => unit),
    byName('kind')?.find((one) => one.labels['item'] === 'lo')?.value,
    seen.facts,
    seen.metrics,
    seen.message,
  ]).toEqual([
    [{ name: 'extended', labels: {}, value: 235 }],
    ['s'],
    24,
    { name: 'test-device' },
    { missing: 1 },
    'no number for: nothing',
  ])
})

test('whatever a device answers, the outcome is values or words', async () => {
  // Between the two, one answer in two is changed somewhere; what the library makes of it must not end the process.
  const relay = createSocket('udp4').bind(0, '127.0.0.1')
  const inner = createSocket('udp4').bind(0, '127.0.0.1')
  await Promise.all([once(relay, 'listening'), once(inner, 'listening')])
  let asker = 0
  let change = (answer: Buffer) => answer
  relay.on('message', (packet, from) => {
    asker = from.port
    inner.send(packet, device.port, '127.0.0.1')
  })
  inner.on('message', (answer) => relay.send(change(answer), asker, '127.0.0.1'))
  const settings = { ...place, port: relay.address().port, answerWithin: '100ms', retries: 0 }
  const monitor = theOne(monitors, 'snmp.interfaces')
  const mutation = fc.record({ at: fc.nat(200), byte: fc.nat(255), cut: fc.boolean(), every: fc.boolean() })
  try {
    await fc.assert(
      fc.asyncProperty(mutation, fc.constantFrom(community, user({})), async ({ at, byte, cut, every }, credential) => {
        let count = 0
        change = (answer) => {
          if (!every && count++ % 2 === 0) return answer
          const other = Buffer.from(answer)
          other[at % other.length] = byte
          return cut ? other.subarray(0, at % other.length) : other
        }
        const seen = await runMonitor(
          'snmp.interfaces',
          settings,
          { interfaces: [], excludeInterfaces: [] },
          { credential, timeoutMs: 1_000 },
        )
        if (seen.gathered !== undefined) expectSound(monitor, seen.gathered)
        else expect(seen.failed).toMatch(/^(timed out|protocol|credentials|configuration): /)
      }),
      { numRuns: 20 },
    )
  } finally {
    relay.close()
    inner.close()
  }
})

test('a user goes on being served after the device has restarted', async () => {
  const connector = theOne(connectors, 'snmp')
  const checked = checkDeclared(connector, place, 'connector')
  if (!checked.ok) throw new Error('wrong settings')
  const client = connector.open(checked.value, user({}))
  if (!('walk' in client)) throw new Error('another client')
  try {
    const name = async () => (await client.get(['1.3.6.1.2.1.1.5.0'], AbortSignal.timeout(60_000))).size
    const before = await name()
    await device.restart()
    const after = await name().catch((thrown: unknown) => (thrown instanceof TargetError ? thrown.message : thrown))
    expect([before, after, await name()]).toEqual([1, 1, 1])
  } finally {
    await client.close?.()
  }
})

test('the time of a real server is that of this machine, and one without a clock says so', async () => {
  const monitor = theOne(monitors, 'ntp')
  const chrony = await startChrony()
  const unset = await startChrony([])
  try {
    const seen = await measured('ntp', { host: 'localhost', port: chrony.port })
    const said = await byHand('ntp', { host: 'localhost', port: chrony.port })
    const other = await runMonitor('ntp', { host: 'localhost', port: unset.port })
    const closed = await runMonitor('ntp', { host: 'localhost', port: await freePort() })
    expectSound(monitor, seen)
    expect([
      seen.metrics['stratum'],
      // What an answer says of the time is wrong by half of its way at most; and our own clock counts milliseconds.
      1_000 * Number(seen.metrics['offset_size']) <= Number(seen.metrics['round_trip']) / 2 + 5,
      judgedBy(monitor, seen),
      other.gathered?.metrics['synchronised'],
      closed.failed?.replace(/:\d+/, ':PORT'),
      said,
    ]).toEqual([3, true, {}, 0, 'refused: connection refused by localhost:PORT', '0 ntp ran'])
  } finally {
    await chrony.stop()
    await unset.stop()
  }
})

test('they are found at a host without a secret, with the maker where the device tells it', async () => {
  const chrony = await startChrony()
  const found = async (id: string, port: number) => {
    const discovery = theOne(connectors, id).discovery
    const proposals = await discovery?.identify({ host: '127.0.0.1', port }, AbortSignal.timeout(60_000))
    return proposals?.map(({ title, settings, credential }) => [
      title.replace(/\d{4,}/, 'PORT'),
      Object.keys(settings),
      credential,
    ])
  }
  const seen = await Promise.all([found('snmp', device.port), found('ntp', chrony.port)]).finally(() => chrony.stop())
  expect(seen).toEqual([
    [['SNMP agent of a device by net-snmp, port PORT', ['host', 'port'], 'snmp-user']],
    [['Time server of stratum 3, port PORT', ['host', 'port'], undefined]],
  ])
})

test('whether they can be reached is found out without a secret', async () => {
  const reach = async (id: string, port: number) => {
    const connector = theOne(connectors, id)
    const checked = checkDeclared(connector, { host: '127.0.0.1', port }, 'c')
    if (!checked.ok || connector.reach === undefined) return 'cannot be asked'
    return connector.reach(checked.value, AbortSignal.timeout(60_000)).then(
      () => 'reached',
      (thrown: unknown) => (thrown instanceof TargetError ? thrown.reason : String(thrown)),
    )
  }
  expect([await reach('snmp', device.port), await reach('snmp', await freePort())]).toEqual(['reached', 'refused'])
})

test('checked by hand they say the same', async () => {
  expect([
    await byHand('snmp.system', place, { credential: community }),
    await byHand('snmp.interfaces', place, { credential: community }),
    await byHand('snmp.host', place, { credential: community }),
    await byHand('snmp.values', place, { credential: community, settings: { get: { uptime: '1.3.6.1.2.1.1.3.0' } } }),
  ]).toEqual([
    // As full and as fresh as this machine is.
    expect.stringMatching(/^[012] snmp\.system ran$/),
    '0 snmp.interfaces ran',
    expect.stringMatching(/^[012] snmp\.host ran$/),
    '0 snmp.values ran',
  ])
})
